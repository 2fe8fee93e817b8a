"""Keys are known to every process, and let nobody in while they cannot be confirmed."""

import asyncio

import pytest
from starlette.requests import HTTPConnection

from heliograph.contracts.access_keys import AccessKey
from heliograph.contracts.authorization import ANYBODY
from heliograph.contracts.errors import Unauthenticated, Unavailable
from heliograph.contracts.key_records import CreateKey
from heliograph.runtime.access import key_cache
from heliograph.runtime.access.key_cache import KeyCache
from heliograph.runtime.access.key_store import KeyStore
from heliograph.runtime.access.keyed_access import KeyedAccess, Sessions
from heliograph.runtime.access.session_cache import SessionCache
from heliograph.runtime.access.session_cookies import SessionCookies
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.http.access import Requirement
from heliograph.runtime.settings import ServiceSettings
from tests.support.timeouts import TIMEOUT

REQUEST = CreateKey(name="test", scopes=["jobs:read"])


async def until_known(cache: KeyCache, id_: str) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not _knows(cache, id_):
            await asyncio.sleep(0.01)


def _knows(cache: KeyCache, id_: str) -> bool:
    try:
        return cache.principal(id_).id == id_
    except (Unauthenticated, Unavailable):
        return False


async def test_before_the_keys_are_read_nobody_is_let_in(bus: NatsBus) -> None:
    key, _ = await KeyStore(bus.jetstream).create(REQUEST, ANYBODY)

    with pytest.raises(Unavailable):
        KeyCache(bus.jetstream).authenticate(key)


async def test_a_key_is_let_in_until_it_is_revoked(bus: NatsBus) -> None:
    store, cache = KeyStore(bus.jetstream), KeyCache(bus.jetstream)
    key, _ = await store.create(REQUEST, ANYBODY)

    async with run_in_background(keys=cache.watch):
        await until_known(cache, key.id)
        assert cache.authenticate(key).scopes == {"jobs:read"}
        await store.revoke(key.id)
        async with asyncio.timeout(TIMEOUT):
            while _knows(cache, key.id):
                await asyncio.sleep(0.01)

        with pytest.raises(Unauthenticated):
            cache.authenticate(key)


def _request(key: AccessKey) -> HTTPConnection:
    headers = [(b"authorization", f"Bearer {key.text}".encode())]
    return HTTPConnection({"type": "http", "path_params": {}, "headers": headers})


def _access(bus: NatsBus, keys: KeyCache) -> KeyedAccess:
    sessions = Sessions(SessionCache(bus.jetstream, keys), SessionCookies(ServiceSettings()))
    return KeyedAccess(keys, sessions, {})


async def test_a_request_waits_a_moment_until_the_keys_have_been_read_again(
    bus: NatsBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the process stood still."""
    monkeypatch.setattr(key_cache, "REREAD_TIMEOUT", TIMEOUT)
    keys = KeyCache(bus.jetstream)
    key, _ = await KeyStore(bus.jetstream).create(REQUEST, ANYBODY)
    checking = asyncio.create_task(_access(bus, keys).check(_request(key), Requirement()))
    await asyncio.sleep(0)

    async with run_in_background(keys=keys.watch):
        principal = await checking

    assert principal.id == key.id


async def test_a_request_does_not_wait_for_ever_until_the_keys_have_been_read(
    bus: NatsBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_cache, "REREAD_TIMEOUT", 0.05)
    key, _ = await KeyStore(bus.jetstream).create(REQUEST, ANYBODY)

    with pytest.raises(Unavailable):
        await _access(bus, KeyCache(bus.jetstream)).check(_request(key), Requirement())


async def test_keys_that_were_not_confirmed_for_a_while_let_nobody_in(bus: NatsBus) -> None:
    cache = KeyCache(bus.jetstream)
    key, _ = await KeyStore(bus.jetstream).create(REQUEST, ANYBODY)
    async with run_in_background(keys=cache.watch):
        await until_known(cache, key.id)

    async with asyncio.timeout(TIMEOUT):  # the watch is over
        while _knows(cache, key.id):
            await asyncio.sleep(0.05)

    with pytest.raises(Unavailable):
        cache.authenticate(key)

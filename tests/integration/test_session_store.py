"""Sessions of one holder are bounded, and those that are over count no more."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from heliograph.contracts.access_keys import new_key
from heliograph.contracts.errors import StateConflict, Unavailable
from heliograph.contracts.sessions import SessionRecord
from heliograph.runtime.access.key_cache import KeyCache
from heliograph.runtime.access.session_cache import SessionCache
from heliograph.runtime.access.session_store import MAX_PER_HOLDER, SessionStore
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.clock import now
from tests.support.timeouts import TIMEOUT


@pytest.fixture
async def store(bus: NatsBus) -> AsyncIterator[SessionStore]:
    sessions = SessionCache(bus.jetstream, KeyCache(bus.jetstream))
    async with run_in_background(sessions=sessions.watch):
        async with asyncio.timeout(TIMEOUT):
            while not _is_known(sessions):
                await asyncio.sleep(0.01)
        yield SessionStore(bus.jetstream, sessions)


def _is_known(sessions: SessionCache) -> bool:
    try:
        return sessions.record("nobody's") is None
    except Unavailable:
        return False


def a_session(key: str, *, ends_in: timedelta) -> SessionRecord:
    at = now()
    return SessionRecord(key=key, name="test", created_at=at, expires_at=at + ends_in)


async def test_a_holder_has_so_many_sessions_until_one_ends(store: SessionStore) -> None:
    session = a_session(new_key().id, ends_in=timedelta(hours=1))
    tokens = [await store.begin(session) for _ in range(MAX_PER_HOLDER)]

    with pytest.raises(StateConflict):
        await store.begin(session)
    await store.end(tokens[0])

    assert await store.begin(session)


async def test_sessions_that_are_over_leave_room(store: SessionStore) -> None:
    key = new_key().id
    for _ in range(MAX_PER_HOLDER):
        await store.begin(a_session(key, ends_in=timedelta(seconds=-1)))

    assert await store.begin(a_session(key, ends_in=timedelta(hours=1)))

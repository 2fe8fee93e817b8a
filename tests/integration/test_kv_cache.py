"""A small bucket is known by heart: at once where it is written, a moment later elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.kv import KvEntry
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.nats_bus import NatsBus
from tests.support.lagging_replica import LaggingReplica
from tests.support.polling import until_true
from tests.support.records import some_project
from tests.support.timeouts import TIMEOUT


@asynccontextmanager
async def watching(bus: NatsBus) -> AsyncIterator[KvCache]:
    cache = KvCache(bus.jetstream, "projects")
    async with run_in_background(cache=cache.watch):
        yield cache


async def until(cache: KvCache, key: str, value: dict[str, Any]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while await cache.read(key) != value:
            await asyncio.sleep(0.01)


async def test_what_was_there_before_is_known(bus: NatsBus) -> None:
    key = some_project()
    await KvCache(bus.jetstream, "projects").bucket.write(key, {"n": 1}, 0)

    async with watching(bus) as cache:
        await until(cache, key, {"n": 1})


async def test_what_others_write_is_known_a_moment_later(bus: NatsBus) -> None:
    key, other = some_project(), KvCache(bus.jetstream, "projects")
    async with watching(bus) as cache:
        revision = 0
        for n in range(20):
            revision = await other.bucket.write(key, {"n": n}, revision)

        await until(cache, key, {"n": 19})


async def test_nothing_is_known_of_what_is_not_there(bus: NatsBus) -> None:
    async with watching(bus) as cache:
        await until(cache, some_project(), {})


async def test_before_it_knows_everything_it_asks(bus: NatsBus) -> None:
    key, cache = some_project(), KvCache(bus.jetstream, "projects")
    await cache.bucket.write(key, {"n": 1}, 0)

    assert await cache.read(key) == {"n": 1}


async def test_what_is_older_than_the_known_is_ignored(bus: NatsBus) -> None:
    key = some_project()
    async with watching(bus) as cache:
        revision = await cache.bucket.write(key, {"n": 1}, 0)
        await until(cache, key, {"n": 1})

        cache.note(key, KvEntry({"n": 0}, revision - 1))

        assert await cache.read(key) == {"n": 1}


async def test_what_was_written_last_and_removed_is_forgotten(bus: NatsBus) -> None:
    key, other = some_project(), KvCache(bus.jetstream, "projects")
    async with watching(bus) as cache:
        revision = await other.bucket.write(key, {"n": 1}, 0)
        await until(cache, key, {"n": 1})

        revision = await other.bucket.write(key, {"n": 2}, revision)
        await other.bucket.forget(key, revision)

        await until(cache, key, {})


async def test_what_a_replica_does_not_have_yet_is_known_later(bus: NatsBus) -> None:
    key, replica = some_project(), LaggingReplica(bus.client)
    replica.lags = False
    cache = KvCache(replica.jetstream(), "projects")

    async def knows_everything() -> bool:
        return cache.cached(key) is not None

    async with run_in_background(cache=cache.watch):
        await until_true(knows_everything)
        replica.lags = True
        await KvCache(bus.jetstream, "projects").bucket.write(key, {"n": 1}, 0)
        await replica.asked.wait()
        replica.lags = False

        await until(cache, key, {"n": 1})


async def until_whole(cache: KvCache) -> None:
    async with asyncio.timeout(TIMEOUT):
        while cache.cached("any") is None:
            await asyncio.sleep(0.01)


def knows(cache: KvCache, key: str) -> bool:
    entry = cache.cached(key)
    return entry is not None and bool(entry.value)


async def test_what_stays_is_known_while_another_key_is_removed(bus: NatsBus) -> None:
    key, removed, other = some_project(), some_project(), KvCache(bus.jetstream, "projects")
    await other.bucket.write(key, {"n": 1}, 0)
    revision = await other.bucket.write(removed, {"n": 1}, 0)
    async with watching(bus) as cache:
        await until_whole(cache)

        await other.bucket.forget(removed, revision)
        async with asyncio.timeout(TIMEOUT):
            while knows(cache, removed):
                await asyncio.sleep(0)
                assert knows(cache, key)


async def test_what_is_removed_is_forgotten_however_often_others_write(bus: NatsBus) -> None:
    key, removed, other = some_project(), some_project(), KvCache(bus.jetstream, "projects")
    removed_at = await other.bucket.write(removed, {"n": 1}, 0)
    async with watching(bus) as cache:
        await until_whole(cache)
        assert knows(cache, removed)

        await other.bucket.forget(removed, removed_at)
        revision = 0
        async with asyncio.timeout(TIMEOUT):
            while knows(cache, removed):
                revision = await other.bucket.write(key, {"n": revision}, revision)
                while (await cache.entry(key)).revision < revision:
                    await asyncio.sleep(0)

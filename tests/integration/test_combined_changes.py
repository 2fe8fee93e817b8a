"""Changes of one entry by many tasks are written together, and each is as if it were alone."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from heliograph.contracts.errors import Unreadable
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.combined_changes import Change, CombinedChanges
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.nats_bus import NatsBus
from tests.support.polling import until_true
from tests.support.records import some_project

_TASKS = 40


@pytest.fixture
def key() -> str:
    return some_project()


@pytest_asyncio.fixture
async def cache(bus: NatsBus) -> AsyncIterator[KvCache]:
    """A bucket that is watched, as render watches its accounts."""
    cache = KvCache(bus.jetstream, "projects")
    async with run_in_background(cache=cache.watch):
        await until_true(partial(_is_whole, cache))
        yield cache


async def _is_whole(cache: KvCache) -> bool:
    return cache.cached("any") is not None


def adding(name: str) -> Change:
    return lambda value: {**value, name: 1}


def one_of(most: int, name: str) -> Change:
    return lambda value: {**value, name: 1} if len(value) < most else None


async def test_every_change_is_written(cache: KvCache, key: str) -> None:
    changes = CombinedChanges(cache)
    names = [f"n{number}" for number in range(_TASKS)]

    await asyncio.gather(*(changes.change(key, adding(name)) for name in names))

    assert (await cache.bucket.read(key)).value == dict.fromkeys(names, 1)


async def test_those_that_come_together_take_few_writes(
    cache: KvCache, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = cache.bucket.write

    async def counting(*args: Any, **options: Any) -> int:
        written.append(args)
        return await write(*args, **options)

    monkeypatch.setattr(cache.bucket, "write", counting)
    changes = CombinedChanges(cache)

    await asyncio.gather(*(changes.change(key, adding(f"n{n}")) for n in range(_TASKS)))

    assert len(written) <= 2


async def test_no_more_are_wanted_than_there_is_room_for(
    bus: NatsBus, cache: KvCache, key: str
) -> None:
    elsewhere = KvCache(bus.jetstream, "projects")
    changes = [CombinedChanges(cache), CombinedChanges(elsewhere)]

    taken = await asyncio.gather(
        *(changes[n % 2].change(key, one_of(5, f"n{n}")) for n in range(_TASKS))
    )

    assert sum(taken) == 5
    assert len((await cache.bucket.read(key)).value) == 5


async def test_a_change_is_refused_by_what_stands_there_now(
    bus: NatsBus, cache: KvCache, key: str
) -> None:
    """What this process remembers may be full, although another has just made room."""
    changes = CombinedChanges(cache)
    await changes.change(key, adding("a"))
    other = KvCache(bus.jetstream, "projects").bucket
    await other.write(key, {}, (await other.read(key)).revision)

    assert await changes.change(key, one_of(1, "b"))


async def test_what_others_wrote_since_stays(bus: NatsBus, cache: KvCache, key: str) -> None:
    changes = CombinedChanges(cache)
    await changes.change(key, adding("a"))
    other = KvCache(bus.jetstream, "projects").bucket
    await other.change(key, adding("b"))

    await changes.change(key, adding("c"))

    assert (await other.read(key)).value == {"a": 1, "b": 1, "c": 1}


async def test_an_error_of_one_entry_is_raised_to_all_who_change_it(
    cache: KvCache, key: str
) -> None:
    def broken(_: dict[str, Any]) -> dict[str, Any]:
        raise Unreadable("it has other fields")

    changes = CombinedChanges(cache)

    ends = await asyncio.gather(
        changes.change(key, broken), changes.change(key, adding("a")), return_exceptions=True
    )

    assert [type(end) for end in ends] == [Unreadable, Unreadable]
    assert ends[0] is not ends[1]
    assert await changes.change(key, adding("b"))

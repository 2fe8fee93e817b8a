"""A lease is held by one at a time, and passes on when its holder is gone."""

import asyncio

import pytest

from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.leases import Leases
from heliograph.runtime.bus.nats_bus import NatsBus
from tests.support.full_stream import full
from tests.support.records import some_project
from tests.support.timeouts import TIMEOUT


async def test_one_holds_it_and_the_others_wait(bus: NatsBus) -> None:
    name, holding, most = some_project(), 0, 0

    async def hold(leases: Leases) -> None:
        nonlocal holding, most
        async with leases.acquired(name):
            holding += 1
            most = max(most, holding)
            await asyncio.sleep(0.05)
            holding -= 1

    await asyncio.gather(*(hold(Leases(bus.jetstream, ttl=0.6)) for _ in range(4)))

    assert most == 1


async def test_a_holder_that_is_silent_is_replaced(bus: NatsBus) -> None:
    name = some_project()
    silent, next_one = Leases(bus.jetstream, ttl=0.3), Leases(bus.jetstream, ttl=0.3)
    await silent._acquire(name)  # and never a word again

    async with asyncio.timeout(TIMEOUT), next_one.acquired(name) as lost:
        assert not lost.is_set()


async def test_a_holder_learns_that_it_was_replaced(bus: NatsBus) -> None:
    name = some_project()
    async with Leases(bus.jetstream, ttl=0.3).acquired(name) as lost:
        await KeyValue(bus.jetstream, "leases").change(name, lambda _: {"holder": "another"})

        async with asyncio.timeout(TIMEOUT):
            await lost.wait()


async def test_a_lease_that_is_given_back_is_free_at_once(bus: NatsBus) -> None:
    name = some_project()
    async with Leases(bus.jetstream, ttl=60).acquired(name):
        pass

    async with asyncio.timeout(TIMEOUT), Leases(bus.jetstream, ttl=60).acquired(name) as lost:
        assert not lost.is_set()


async def test_a_holder_that_finds_no_room_to_write_learns_that_it_may_be_replaced(
    bus: NatsBus,
) -> None:
    name = some_project()
    async with (
        Leases(bus.jetstream, ttl=0.3).acquired(name) as lost,
        full(bus, "KV_leases"),
        asyncio.timeout(TIMEOUT),
    ):
        await lost.wait()


async def test_a_process_waits_for_room_in_the_bucket_of_leases(bus: NatsBus) -> None:
    async def hold() -> None:
        async with Leases(bus.jetstream, ttl=0.3).acquired(some_project()):
            pass

    async with full(bus, "KV_leases"):
        holding = asyncio.create_task(hold())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.shield(holding)

    async with asyncio.timeout(TIMEOUT):
        await holding

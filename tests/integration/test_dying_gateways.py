"""Gateways that die, wait and hear nothing at any step: no job is held twice, and none is accepted without a hold."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout

from heliograph.contracts import subjects
from heliograph.contracts.records import Record
from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from tests.support.budget_gateways import (
    PRICE,
    a_job,
    budget_of,
    gateway_events,
    no_differences,
    outcomes_of,
    set_limits,
)

_JOBS, _FIT = 24, 10
_GATEWAYS = 4


class Unreliable:
    """A connection that may wait before a call, lose its reply, or never come back from it."""

    def __init__(self, client: Client, choose: random.Random) -> None:
        self._client = client
        self._choose = choose
        self._is_dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(self, subject: str, payload: bytes, **fields: Any) -> Msg:
        fate = self._choose.random()
        await asyncio.sleep(self._choose.random() * 0.01)
        self._is_dead = self._is_dead or fate < 0.03
        if self._is_dead and fate > 0.015:
            await asyncio.Event().wait()
        reply = await self._client.request(subject, payload, **fields)
        if self._is_dead:
            await asyncio.Event().wait()
        if fate > 0.95:
            raise NatsTimeout
        return reply


def gateways_of(bus: NatsBus, choose: random.Random) -> list[BudgetedEventLog]:
    connections = [cast(Client, Unreliable(bus.client, choose)) for _ in range(_GATEWAYS)]
    return [gateway_events(bus, JetStream(each, timeout=0.5)) for each in connections]


async def accepted_by(
    bus: NatsBus, gateways: Iterable[BudgetedEventLog], jobs: list[Record], choose: random.Random
) -> list[Record]:
    """The jobs of which a client heard that they are accepted; a few are accepted without the budget."""
    every, heard = list(gateways), []
    for each in jobs:
        tries = [append_event(choose.choice(every), "accepted", each, 0)]
        if choose.random() < 0.3:
            tries.append(append_event(choose.choice(every), "accepted", each, 0))
        if choose.random() < 0.2:
            tries.append(append_event(bus.events, "accepted", each, 0))
        for one in asyncio.as_completed([asyncio.wait_for(t, 0.4) for t in tries]):
            try:
                await one
            except Exception:  # noqa: BLE001, S112  # whatever became of it, its client asks again
                continue
            heard.append(each)
    return heard


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_they_come_to_the_budget_holds_what_is_accepted(
    bus: NatsBus, project: str, seed: int
) -> None:
    choose = random.Random(seed)
    await set_limits(bus, project, total=f"{_FIT * PRICE}")
    jobs = [a_job(project) for _ in range(_JOBS)]
    heard = await asyncio.gather(
        *(accepted_by(bus, gateways_of(bus, choose), jobs[n::4], choose) for n in range(4))
    )

    survivor = gateway_events(bus)
    for each in jobs:
        await outcomes_of([survivor], [each])

    stored = [
        bus.events.body(each)
        async for each in bus.jetstream.read_all(STREAM, subjects.event(project, "*"))
    ]
    ids = [each.id for each in stored if each]
    holders = [each for each in stored if isinstance(each, Record) and each.internal.reserved]
    assert len(ids) == len({*ids})
    assert {each.id for those in heard for each in those} <= {*ids}
    assert len(holders) == _FIT
    assert (await budget_of(bus, project)).running("total").held == _FIT * PRICE
    await no_differences(bus, project)

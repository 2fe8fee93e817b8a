"""The dispatcher and the queue: whatever it hears, what is on the queue gets its turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from heliograph.contracts import subjects
from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.limits import ChangeLane
from heliograph.contracts.queries.scheduler import GetPosition, LaneCapacityHint, Position
from heliograph.contracts.records import Record
from heliograph.runtime.background import run_in_background, stop
from heliograph.runtime.bus.lanes import lane_consumer
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.provisioning import provision
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.work_queue import STREAM, ticket_for
from heliograph.runtime.clock import now
from services.render.scheduler.dispatcher import Dispatcher
from services.render.settings import RenderSettings
from tests.support.records import CATALOG, a_record, some_project
from tests.support.servers import Server
from tests.support.timeouts import TIMEOUT

LANE, ANOTHER = "video", "shots"


@pytest.fixture
async def _roomy(bus: NatsBus) -> AsyncIterator[None]:
    """Two lanes with room, also for jobs that no worker ever takes out."""
    for lane in (LANE, ANOTHER):
        await bus.lanes.change(lane, ChangeLane(cap=1_000))
    yield
    for lane in (LANE, ANOTHER):
        await bus.lanes.change(lane, ChangeLane(reset=True))


@pytest.fixture
async def _dispatching(_roomy: None, bus: NatsBus, nats: Server) -> AsyncIterator[None]:
    """A dispatcher whose lane is paused at first."""
    await bus.lanes.change(LANE, ChangeLane(paused=True))
    async with run_in_background(dispatcher=_dispatcher(bus, nats).run):
        yield


def _dispatcher(bus: NatsBus, nats: Server) -> Dispatcher:
    settings = RenderSettings(**nats.settings.model_dump(exclude_unset=True))
    return Dispatcher(bus, CATALOG, settings)


async def _queued(bus: NatsBus) -> Record:
    """A job that the dispatcher knows of."""
    record = await _enqueued(bus)
    async with asyncio.timeout(TIMEOUT):
        while not (await _position(bus, record.id)).position:
            await asyncio.sleep(0.02)
    return record


async def _enqueued(bus: NatsBus, account: str | None = None, **fields: str) -> Record:
    """A job; its account may be another than that of its model."""
    record = a_record(**{"kind": "video", **fields})
    if account:
        internal = record.internal.model_copy(update={"account": account})
        record = record.model_copy(update={"internal": internal})
    await bus.work.enqueue(ticket_for(record))
    return record


async def _position(bus: NatsBus, job: str) -> Position:
    async with asyncio.timeout(TIMEOUT):
        while True:
            with suppress(Unavailable):  # the dispatcher has no lease yet
                return await bus.request(GetPosition(job=job))
            await asyncio.sleep(0.02)


async def _ready(bus: NatsBus, record: Record) -> Stored:
    async with asyncio.timeout(TIMEOUT):
        while (stored := await _moved(bus, record)) is None:
            await asyncio.sleep(0.02)
    return stored


async def _moved(bus: NatsBus, record: Record) -> Stored | None:
    subject = subjects.run(record.lane, record.project, record.id)
    return await bus.jetstream.last(STREAM, subject)


async def _end(bus: NatsBus, record: Record) -> None:
    """Its worker, which nobody else plays here, is done with a job."""
    room = LaneCapacityHint(job=record.id)
    await bus.jetstream.notify(subjects.lane_capacity(record.lane), room.model_dump_json().encode())


@pytest.mark.usefixtures("_dispatching")
async def test_a_job_still_queued_after_a_cancel_hint_keeps_its_turn(
    bus: NatsBus,
) -> None:
    """The hint may be about another try, or the message may have been out of reach."""
    record = await _queued(bus)

    await bus.jetstream.notify(subjects.record_changed(record.id))
    await bus.client.flush()

    assert (await _position(bus, record.id)).position
    await bus.lanes.change(LANE, ChangeLane(paused=False))
    assert (await _ready(bus, record)).sequence


@pytest.mark.usefixtures("_dispatching")
async def test_a_job_that_was_taken_off_the_queue_has_no_turn(bus: NatsBus) -> None:
    record = await _queued(bus)

    await bus.work.purge(record)
    await bus.jetstream.notify(subjects.record_changed(record.id))

    async with asyncio.timeout(TIMEOUT):
        while (await _position(bus, record.id)).position:
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("_dispatching")
async def test_a_place_is_given_away_once_also_before_its_job_has_taken_it(
    bus: NatsBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever finds none is put back, behind all others of its project."""
    monkeypatch.setattr(
        "services.render.scheduler.reservations._RESERVATION_TTL", timedelta(minutes=1)
    )
    account, project = some_project(), some_project()
    await bus.accounts.change_cap(account, 1)
    first = await _enqueued(bus, account, project=project)
    second = await _enqueued(bus, account, project=project)
    await bus.lanes.change(LANE, ChangeLane(paused=False))
    await _ready(bus, first)

    for _ in range(2):  # rounds of turns
        await _ready(bus, await _enqueued(bus))

    assert await _moved(bus, second) is None
    await _end(bus, first)
    assert (await _ready(bus, second)).sequence


@pytest.mark.usefixtures("_dispatching")
async def test_a_job_with_a_permit_waits_while_the_breaker_is_open(
    bus: NatsBus,
) -> None:
    """Its worker crashed before it started. Else it would be moved and put back again and again."""
    account = some_project()
    job = await _enqueued(bus, account)
    await bus.accounts.change_cap(account, 2)
    await bus.accounts.acquire(account, job.id, 1)
    left_alone = CircuitBreaker(failures=5, reason="away", until=now() + timedelta(minutes=1))
    await bus.accounts.update_breaker(account, lambda _: left_alone)
    await bus.lanes.change(LANE, ChangeLane(paused=False))

    for _ in range(2):  # rounds of turns
        await _ready(bus, await _enqueued(bus))

    assert await _moved(bus, job) is None
    await bus.accounts.update_breaker(account, lambda _: None)
    assert (await _ready(bus, job)).sequence


@pytest.mark.usefixtures("_roomy")
async def test_a_lane_that_breaks_stops_no_other_and_goes_on_when_it_can(
    bus: NatsBus, nats: Server
) -> None:
    await bus.jetstream.api(f"CONSUMER.DELETE.WORK.{lane_consumer(LANE)}")
    dispatcher = asyncio.create_task(_dispatcher(bus, nats).run())
    try:
        with capture_logs() as logs:
            there = await _enqueued(bus, kind="video")
            async with asyncio.timeout(TIMEOUT):
                while not any(each["event"] == "Lane scheduler failed" for each in logs):
                    await asyncio.sleep(0.02)

        elsewhere = await _enqueued(bus, kind="shot")

        assert (await _ready(bus, elsewhere)).sequence
        await provision(bus.client, nats.settings, CATALOG)
        assert (await _ready(bus, there)).sequence
        assert not dispatcher.done()
    finally:
        await stop(dispatcher)

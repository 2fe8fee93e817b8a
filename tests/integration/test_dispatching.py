"""The dispatcher and the queue: whatever it hears, what is on the queue gets its turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.limits import ChangeLane
from heliograph.contracts.queries import Position
from heliograph.contracts.records import Record
from heliograph.runtime.bus.jetstream import Stored
from heliograph.runtime.bus.nats import NatsBus
from heliograph.runtime.bus.work import STREAM, ticket_for
from heliograph.runtime.tasks import running
from services.render.dispatching import Dispatcher
from services.render.settings import RenderSettings
from tests.support.records import REGISTRY, a_record
from tests.support.servers import Server

LANE = "video"


@pytest.fixture
async def _dispatching(bus: NatsBus, nats: Server) -> AsyncIterator[None]:
    """A dispatcher whose lane is paused at first."""
    await bus.lanes.change(LANE, ChangeLane(paused=True))
    settings = RenderSettings(**nats.settings.model_dump(exclude_unset=True))
    async with running(dispatcher=Dispatcher(bus, REGISTRY, settings).run):
        yield
    await bus.lanes.change(LANE, ChangeLane(reset=True))


async def _queued(bus: NatsBus) -> Record:
    """A job that the dispatcher knows of."""
    record = a_record(kind="video")
    await bus.work.enqueue(ticket_for(record))
    async with asyncio.timeout(20):
        while not (await _position(bus, record.id)).position:
            await asyncio.sleep(0.02)
    return record


async def _position(bus: NatsBus, job: str) -> Position:
    async with asyncio.timeout(20):
        while True:
            with suppress(Unavailable):  # the dispatcher has no lease yet
                answer = await bus.jetstream.ask(subjects.query_position(job), b"", timeout=5)
                return Position.model_validate_json(answer)
            await asyncio.sleep(0.02)


async def _ready(bus: NatsBus, record: Record) -> Stored:
    async with asyncio.timeout(20):
        subject = subjects.run(LANE, record.project, record.id)
        while (stored := await bus.jetstream.last(STREAM, subject)) is None:
            await asyncio.sleep(0.02)
    return stored


@pytest.mark.usefixtures("_dispatching")
async def test_a_job_that_is_still_on_the_queue_when_somebody_cancels_keeps_its_turn(
    bus: NatsBus,
) -> None:
    """The hint may be about another try, or the message may have been out of reach."""
    record = await _queued(bus)

    await bus.jetstream.hint(subjects.cancel(record.id))
    await bus.client.flush()

    assert (await _position(bus, record.id)).position
    await bus.lanes.change(LANE, ChangeLane(paused=False))
    assert (await _ready(bus, record)).sequence


@pytest.mark.usefixtures("_dispatching")
async def test_a_job_that_was_taken_off_the_queue_has_no_turn(bus: NatsBus) -> None:
    record = await _queued(bus)

    await bus.work.purge(record)
    await bus.jetstream.hint(subjects.cancel(record.id))

    async with asyncio.timeout(20):
        while (await _position(bus, record.id)).position:
            await asyncio.sleep(0.02)

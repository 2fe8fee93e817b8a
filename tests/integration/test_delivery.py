"""A message is delivered until its handler returns; a bug ends it the third time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.errors import QueueFull, ServiceError, Unavailable
from heliograph.contracts.records import Record
from heliograph.runtime.bus.delivery import (
    Delivery,
    FailureCounter,
    ShuttingDown,
    deliver,
)
from heliograph.runtime.bus.lanes import lane_consumer
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.pull_consumers import PullConsumers
from heliograph.runtime.bus.transitions import append_event
from heliograph.runtime.bus.work_queue import STREAM, ticket_for
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings
from services.render.worker.poison import fail_poison_job
from tests.support.records import a_record
from tests.support.servers import Server
from tests.support.timeouts import TIMEOUT
from tests.support.workers import a_worker

Handler = Callable[[Delivery], Awaitable[Record | None]]

LANE = "portraits"


@asynccontextmanager
async def _handling(settings: ServiceSettings, handler: Handler) -> AsyncIterator[list[int]]:
    """A subscriber of one lane; yields the delivery numbers of what was buried."""
    dead_lettered: list[int] = []
    bugs = FailureCounter()
    consumers = PullConsumers(settings.model_copy(update={"ack_wait": 1.0}), "test")

    async def give_up(delivery: Delivery, _: Exception) -> None:
        dead_lettered.append(delivery.number)

    async def on_run(message: Msg) -> None:
        await deliver(message, handler, give_up, bugs)

    consumers.add(
        subjects.runs(LANE), on_run, stream=STREAM, durable=lane_consumer(LANE), workers=100
    )
    await consumers.start()
    yield dead_lettered
    await consumers.stop()


@pytest.fixture(autouse=True)
async def _nothing_is_ready(bus: NatsBus) -> None:
    """A lane has one line, whoever is in it: other tests may have left something there."""
    await bus.jetstream.api(f"STREAM.PURGE.{STREAM}", {"filter": subjects.runs(LANE)})


async def _put(bus: NatsBus) -> Record:
    """A job that is about to run."""
    record = a_record(kind="portrait")
    await append_event(bus.events, "accepted", record, 0)
    await bus.work.enqueue(ticket_for(record))
    queued = await bus.jetstream.last(STREAM, f"queue.*.*.*.{record.id}")
    await bus.work.move(ticket_for(record), queued.sequence if queued else 0)
    return record


async def _until_settled(bus: NatsBus, job: str) -> None:
    async with asyncio.timeout(TIMEOUT):
        while await bus.work.has_work(job):
            await asyncio.sleep(0.02)


async def test_a_handler_that_returns_is_done(bus: NatsBus, nats: Server) -> None:
    handled: list[str] = []

    async def handler(delivery: Delivery) -> Record | None:
        handled.append(delivery.about.job)
        return None

    async with _handling(nats.settings, handler):
        record = await _put(bus)
        await _until_settled(bus, record.id)

    assert handled == [record.id]


async def test_a_message_is_kept_alive_while_it_is_in_hand(bus: NatsBus, nats: Server) -> None:
    beats: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(message: Msg) -> None:
        if message.data == Msg.Ack.Progress:
            beats.put_nowait(message.data)

    async def wait_for_beats(delivery: Delivery) -> Record:
        for _ in range(2):
            await beats.get()
        return a_record()

    heard = await bus.client.subscribe(f"$JS.ACK.{STREAM}.>", cb=hear)
    async with _handling(nats.settings, wait_for_beats) as dead_lettered:
        record = await _put(bus)
        await _until_settled(bus, record.id)
    await heard.unsubscribe()

    assert dead_lettered == []


async def test_a_bug_ends_the_third_time(bus: NatsBus, nats: Server) -> None:
    async def handler(delivery: Delivery) -> Record | None:
        raise ValueError("a bug")

    async with _handling(nats.settings, handler) as dead_lettered:
        record = await _put(bus)
        await _until_settled(bus, record.id)

    assert dead_lettered == [3]


@pytest.mark.parametrize("error", [Unavailable, QueueFull])
async def test_a_transient_error_is_not_a_bug(
    bus: NatsBus, nats: Server, error: type[ServiceError]
) -> None:
    numbers: list[int] = []

    async def handler(delivery: Delivery) -> Record | None:
        numbers.append(delivery.number)
        if delivery.number < 5:
            raise error
        return None

    async with _handling(nats.settings, handler) as dead_lettered:
        record = await _put(bus)
        await _until_settled(bus, record.id)

    assert numbers == [1, 2, 3, 4, 5]
    assert dead_lettered == []


async def test_only_a_fresh_first_delivery_on_an_old_connection_is_surely_the_only_one(
    bus: NatsBus, nats: Server
) -> None:
    results: list[list[bool]] = []
    began = now()

    async def handler(delivery: Delivery) -> Record | None:
        since = delivery.stored_at
        connected = (began, None, since, since + timedelta(milliseconds=1))
        results.append([delivery.is_sole(at, 60.0) for at in connected])
        results[-1].append(delivery.is_sole(began, 0.0))
        if delivery.number == 1:
            raise Unavailable
        return None

    async with _handling(nats.settings, handler):
        record = await _put(bus)
        await _until_settled(bus, record.id)

    assert results == [[True, False, False, False, False], 5 * [False]]


async def test_a_stopping_worker_naks_its_message_at_once(bus: NatsBus, nats: Server) -> None:
    times: list[float] = []

    async def handler(delivery: Delivery) -> Record | None:
        times.append(asyncio.get_running_loop().time())
        if delivery.number == 1:
            raise ShuttingDown
        return None

    async with _handling(nats.settings, handler):
        record = await _put(bus)
        await _until_settled(bus, record.id)

    assert times[1] - times[0] < nats.settings.ack_wait * 3 / 4


async def test_a_buried_job_has_failed_and_left_a_note(bus: NatsBus, nats: Server) -> None:
    record = await _put(bus)

    await fail_poison_job(a_worker(bus, nats.settings), record.id, ValueError("a bug"))

    entry = await bus.events.last(record.id)
    assert entry is not None
    assert entry.record.error is not None
    assert entry.record.error.code == "poison"
    assert await bus.jetstream.last("DEAD", f"dead.*.*.{record.id}")

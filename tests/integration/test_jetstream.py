"""What we rest on in JetStream, held against the server that we ship."""

import asyncio

import pytest
from ulid import ULID

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import BodyTooLarge, Unavailable
from heliograph.contracts.job_events import Started
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.bus.work_queue import STREAM as WORK
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.clock import now
from tests.support.records import a_record
from tests.support.servers import Server


async def _queued(bus: NatsBus, job: str) -> int | None:
    stored = await bus.jetstream.last(WORK, f"queue.*.*.*.{job}")
    return stored.sequence if stored else None


async def test_an_event_whose_acknowledgement_was_lost_is_known_by_its_id(bus: NatsBus) -> None:
    """Sent again, it loses the compare against itself, and is found."""
    event = EventEnvelope.of("accepted", a_record(), now(), "test")
    first = await bus.events.append(event, 0)

    assert (await bus.events.append(event, 0)).sequence == first.sequence


async def test_it_is_known_even_when_another_event_came_after_it(bus: NatsBus) -> None:
    event = EventEnvelope.of("accepted", a_record(), now(), "test")
    first = await bus.events.append(event, 0)
    await transition(bus.events, first, Started(run=1))

    assert (await bus.events.append(event, 0)).sequence == first.sequence


async def test_a_trimmed_job_still_refuses_a_first_event(bus: NatsBus) -> None:
    """Otherwise an old key could pay again."""
    record = a_record()
    entry = await append_event(bus.events, "accepted", record, 0)
    await transition(bus.events, entry, Started(run=1))
    subject = subjects.event(record.project, record.id)
    await bus.jetstream.api(f"STREAM.PURGE.{STREAM}", {"filter": subject, "keep": 1})

    with pytest.raises(Conflict):
        await append_event(bus.events, "accepted", record, 0)
    assert len(await bus.events.history(record.id, 0, 10)) == 1


async def test_a_move_takes_a_job_off_the_queue_and_puts_it_on_its_lane(bus: NatsBus) -> None:
    record = a_record()
    await bus.work.enqueue(ticket_for(record))
    sequence = await _queued(bus, record.id) or 0

    assert await bus.work.move(ticket_for(record), sequence)

    assert await _queued(bus, record.id) is None
    run = await bus.jetstream.last(WORK, subjects.run(record.lane, record.project, record.id))
    assert run is not None
    assert run.sequence > sequence


async def test_of_two_dispatchers_one_moves(bus: NatsBus) -> None:
    record = a_record()
    await bus.work.enqueue(ticket_for(record))
    sequence = await _queued(bus, record.id) or 0

    moved = await asyncio.gather(*(bus.work.move(ticket_for(record), sequence) for _ in range(4)))

    assert sum(moved) == 1


async def test_a_job_that_was_canceled_is_not_moved(bus: NatsBus) -> None:
    record = a_record()
    await bus.work.enqueue(ticket_for(record))
    sequence = await _queued(bus, record.id) or 0
    await bus.work.purge(record)

    assert not await bus.work.move(ticket_for(record), sequence)
    assert not await bus.work.has_work(record.id)


async def test_a_batch_says_how_much_is_left(bus: NatsBus, project: str) -> None:
    for _ in range(5):
        await bus.events.append(
            EventEnvelope.of("accepted", a_record(project=project), now(), "test"), 0
        )
    subject = subjects.event(project, "*")

    messages, more = await bus.jetstream.read_batch(STREAM, subject, 1, size=3)
    every = [message async for message in bus.jetstream.read_all(STREAM, subject)]

    assert (len(messages), more) == (3, 2)
    assert len(every) == 5
    assert await bus.jetstream.read_batch(STREAM, subject, every[-1].sequence + 1) == ([], 0)


async def test_a_refusal_of_the_server_has_its_code(bus: NatsBus) -> None:
    with pytest.raises(ApiError) as refused:
        await bus.jetstream.api("STREAM.INFO.NOWHERE")

    assert refused.value.code == 404


async def test_a_server_that_is_away_is_unavailable(nats: Server) -> None:
    nowhere = JetStream(Connection(nats.settings, "test").client, timeout=0.3)

    with pytest.raises(Unavailable):
        await nowhere.append(
            "EVENTS", f"events.p.{ULID()}", b"{}", {"ce-id": str(ULID())}, expected_last=0
        )
    with pytest.raises(Unavailable):
        await nowhere.last("EVENTS", "events.p.x")
    with pytest.raises(Unavailable):
        await nowhere.read_batch("EVENTS", "events.>", 1)


async def test_a_message_that_never_fits_is_not_one_that_has_to_wait(bus: NatsBus) -> None:
    largest = bus.client.max_payload

    with pytest.raises(BodyTooLarge):
        await bus.jetstream.publish("dead.x", b"x" * (largest + 1), {})
    with pytest.raises(BodyTooLarge):
        await bus.jetstream.request("query.x", b"x" * (largest + 1), timeout=1)


async def test_headers_count_as_well(bus: NatsBus) -> None:
    """The server ends the connection of whoever sends too much, and counts them."""
    subject, headers = f"dead.x.y.{ULID()}", {"ce-id": "ü" * 10}
    room = bus.client.max_payload - len("NATS/1.0\r\nce-id: \r\n\r\n") - 20

    await bus.jetstream.publish(subject, b"x" * room, headers)
    with pytest.raises(BodyTooLarge):
        await bus.jetstream.publish(subject, b"x" * (room + 1), headers)
    assert bus.client.stats["reconnects"] == 0

"""Messages that wait together are stored by one atomic batch, and each learns what became of it."""

import asyncio
from collections import Counter
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout

from heliograph.contracts import subjects
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import BodyTooLarge
from heliograph.contracts.records import Record
from heliograph.runtime.bus.atomic_batch import ComparedMessage
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM, JetStreamEventLog
from heliograph.runtime.bus.group_commit import MOST, MOST_BYTES, GroupCommit, Waiting, next_group
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from heliograph.runtime.bus.work_queue import STREAM as WORK
from heliograph.runtime.bus.work_queue import JetStreamWorkQueue, ticket_for
from heliograph.runtime.clock import now
from tests.support.flush import flush
from tests.support.records import a_record
from tests.support.timeouts import TIMEOUT

LEAST = 5


def events_of(jetstream: JetStream, *, least: int = LEAST) -> JetStreamEventLog:
    """The event log of a process that commits in groups."""
    return JetStreamEventLog(jetstream, "test", group=GroupCommit(jetstream, STREAM, least=least))


def work_of(jetstream: JetStream) -> JetStreamWorkQueue:
    """The work queue of a process that commits in groups."""
    return JetStreamWorkQueue(jetstream, group=GroupCommit(jetstream, WORK, least=LEAST))


async def accept_all(
    events: JetStreamEventLog, records: list[Record]
) -> list[LogEntry | BaseException]:
    """Accept records at once; what became of each."""
    accepted = (append_event(events, "accepted", record, 0) for record in records)
    return await asyncio.gather(*accepted, return_exceptions=True)


def entries(outcomes: list[LogEntry | BaseException]) -> list[LogEntry]:
    return [each for each in outcomes if isinstance(each, LogEntry)]


async def batches_of(bus: NatsBus, records: list[Record]) -> Counter[str]:
    """How many of the events of some jobs each batch had; "" is no batch."""
    stored = [await bus.jetstream.last(STREAM, subjects.event_of(record.id)) for record in records]
    return Counter(each.headers.get("Nats-Batch-Id", "") for each in stored if each)


async def test_what_comes_together_is_stored_by_one_batch(bus: NatsBus) -> None:
    records = [a_record() for _ in range(30)]

    accepted = entries(await accept_all(events_of(bus.jetstream), records))

    assert list((await batches_of(bus, records)).values()) == [30]
    for entry, record in zip(accepted, records, strict=True):
        last = await bus.events.last(record.id)
        assert last == entry


async def test_few_are_stored_one_by_one(bus: NatsBus) -> None:
    records = [a_record() for _ in range(LEAST - 1)]

    assert len(entries(await accept_all(events_of(bus.jetstream), records))) == LEAST - 1

    assert await batches_of(bus, records) == {"": LEAST - 1}


async def test_a_known_job_is_refused_and_the_others_are_stored_together(bus: NatsBus) -> None:
    records = [a_record() for _ in range(30)]
    known = [records[0], records[17]]
    for record in known:
        await append_event(bus.events, "accepted", record, 0)

    outcomes = await accept_all(events_of(bus.jetstream), records)

    refused = [r for r, each in zip(records, outcomes, strict=True) if isinstance(each, Conflict)]
    assert refused == known
    assert sorted((await batches_of(bus, records)).values()) == [2, 28]


async def test_of_two_first_events_of_a_job_in_a_group_one_is_stored(bus: NatsBus) -> None:
    records = [a_record() for _ in range(30)]

    outcomes = await accept_all(events_of(bus.jetstream), [*records, records[3], records[3]])

    assert [isinstance(each, Conflict) for each in outcomes] == [False] * 30 + [True] * 2
    assert len(await bus.events.history(records[3].id, 0, 10)) == 1


async def test_one_that_does_not_fit_into_a_message_keeps_no_other_out(bus: NatsBus) -> None:
    events, records = events_of(bus.jetstream), [a_record() for _ in range(10)]
    large = a_record()
    prompt = "x" * bus.client.max_payload
    records.insert(4, large.model_copy(update={"prompt": prompt}))

    outcomes = await accept_all(events, records)

    assert [isinstance(each, BodyTooLarge) for each in outcomes].index(True) == 4
    assert len(entries(outcomes)) == 10


class LostReplies:
    """A connection on which the reply to a commit is lost, whether it got there or not."""

    def __init__(self, client: Client, *, arrives: bool) -> None:
        self._client = client
        self._arrives = arrives
        self.lost = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(
        self, subject: str, payload: bytes, *, timeout: float, headers: dict[str, str] | None = None
    ) -> Msg:
        if "Nats-Batch-Commit" not in (headers or {}):
            return await self._client.request(subject, payload, timeout=timeout, headers=headers)
        self.lost += 1
        if self._arrives:
            await self._client.request(subject, payload, timeout=timeout, headers=headers)
        raise NatsTimeout


@pytest.mark.parametrize("arrives", [True, False])
async def test_each_job_learns_what_a_commit_without_an_answer_came_to(
    bus: NatsBus, arrives: bool
) -> None:
    connection = LostReplies(bus.client, arrives=arrives)
    events = events_of(JetStream(cast(Client, connection)))
    records = [a_record() for _ in range(30)]

    accepted = entries(await accept_all(events, records))

    assert connection.lost == 1
    for entry, record in zip(accepted, records, strict=True):
        assert [each.sequence for each in await bus.events.history(record.id, 0, 9)] == [
            entry.sequence
        ]


async def test_a_batch_of_tickets_is_queued_and_each_can_be_moved(bus: NatsBus) -> None:
    """A batch of schedules is republished to the dispatcher like single ones, and moved like them."""
    records, heard = [a_record() for _ in range(12)], asyncio.Queue[str]()

    async def hear(message: Msg) -> None:
        heard.put_nowait(message.subject.rsplit(".", 1)[1])

    listening = await bus.client.subscribe(subjects.QUEUED, cb=hear)
    await flush(bus.client)
    work = work_of(bus.jetstream)

    await asyncio.gather(*(work.enqueue(ticket_for(record)) for record in records))
    async with asyncio.timeout(TIMEOUT):
        known = {await heard.get() for _ in records}
    await listening.unsubscribe()

    assert known == {record.id for record in records}
    for record in records:
        queued = await bus.jetstream.last(WORK, f"queue.*.*.*.{record.id}")
        assert queued
        assert "Nats-Batch-Id" in queued.headers
        assert await work.move(ticket_for(record), queued.sequence)
        assert not await bus.jetstream.last(WORK, f"queue.*.*.*.{record.id}")


async def test_tickets_that_wait_already_are_left_alone(bus: NatsBus) -> None:
    records, work = [a_record() for _ in range(12)], work_of(bus.jetstream)
    await bus.work.enqueue(ticket_for(records[5]))
    before = await bus.jetstream.last(WORK, f"queue.*.*.*.{records[5].id}")

    await asyncio.gather(*(work.enqueue(ticket_for(record)) for record in records))

    assert await bus.jetstream.last(WORK, f"queue.*.*.*.{records[5].id}") == before
    assert all([await work.has_work(record.id) for record in records])


async def test_a_client_that_goes_away_holds_up_nobody(bus: NatsBus) -> None:
    events, records = events_of(bus.jetstream), [a_record() for _ in range(30)]
    tasks = [asyncio.create_task(append_event(events, "accepted", r, 0)) for r in records]
    await asyncio.sleep(0)

    tasks[7].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(outcomes[7], asyncio.CancelledError)
    assert len(entries(outcomes)) == 29


async def test_what_is_given_up_before_its_group_begins_is_in_no_later_one(bus: NatsBus) -> None:
    events, given_up = events_of(bus.jetstream), [a_record() for _ in range(30)]
    tasks = [asyncio.create_task(append_event(events, "accepted", r, 0)) for r in given_up]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    records = [a_record() for _ in range(30)]
    await accept_all(events, records)

    assert list((await batches_of(bus, records)).values()) == [30]
    assert await batches_of(bus, given_up) == {}


async def _waiting(project: str, number: int, size: int = 10) -> Waiting:
    message = ComparedMessage(subject=f"events.{project}.{number}", data=b"x" * size, headers={})
    return Waiting(message, project)


async def test_projects_take_turns_in_a_group() -> None:
    waiting = [await _waiting("large", n) for n in range(3 * MOST)]
    waiting += [await _waiting("small", n) for n in range(5)]

    group = next_group(waiting)

    assert len(group) == MOST
    assert Counter(each.project for each in group) == {"large": MOST - 5, "small": 5}


async def test_a_group_is_bounded_in_bytes() -> None:
    waiting = [await _waiting("p", n, MOST_BYTES // 4) for n in range(9)]
    huge = [await _waiting("p", 0, 2 * MOST_BYTES), await _waiting("p", 1)]

    assert len(next_group(waiting)) == 4
    assert next_group(huge) == huge[:1]


async def test_events_of_a_batch_are_read_like_any(bus: NatsBus) -> None:
    events = events_of(bus.jetstream)
    written = [EventEnvelope.of("accepted", a_record(), now(), "test") for _ in range(10)]

    await asyncio.gather(*(events.append(each, 0) for each in written))

    entries = [await bus.events.last(each.body.id) for each in written]
    assert [each.event for each in entries if each] == written

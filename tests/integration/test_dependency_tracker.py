"""The dispatcher learns what became of those whom others wait for, whether it hears of it or not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.contracts.job_events import Canceled, Rendered, Started, Submitting, Succeeded
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.clock import now
from services.render.scheduler.dependency_tracker import DependencyTracker
from tests.support.records import a_record, some_project
from tests.support.timeouts import TIMEOUT


class Calls:
    """What the dispatcher is told."""

    def __init__(self) -> None:
        self.free: list[str] = []
        self.over: list[str] = []

    async def until(self, *, free: int = 0, over: int = 0) -> None:
        async with asyncio.timeout(TIMEOUT):
            while (len(self.free), len(self.over)) != (free, over):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def awaiting(
    bus: NatsBus, calls: Calls, *jobs: Record, look_again: float = 60.0
) -> AsyncIterator[DependencyTracker]:
    waiting = DependencyTracker(
        bus, on_dependencies_met=calls.free.append, forget=calls.over.append, look_again=look_again
    )
    for job in jobs:
        waiting.add(ticket_for(job))
    async with run_in_background(awaiting=waiting.run):
        yield waiting


async def accept(bus: NatsBus, project: str, *after: str) -> LogEntry:
    record = a_record(project=project, after=list(after))
    entry = await append_event(bus.events, "accepted", record, 0)
    await bus.work.enqueue(ticket_for(record))
    return entry


async def succeed(bus: NatsBus, entry: LogEntry) -> None:
    intent = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
    for fact in (Started(run=1), intent, Rendered(run=1, outputs=[]), Succeeded(assets=[])):
        entry = await transition(bus.events, entry, fact)


async def test_a_waiting_job_is_released_when_its_last_dependency_succeeds(bus: NatsBus) -> None:
    project, calls = some_project(), Calls()
    one, two = await accept(bus, project), await accept(bus, project)
    job = (await accept(bus, project, one.record.id, two.record.id)).record

    async with awaiting(bus, calls, job) as waiting:
        await succeed(bus, one)
        async with asyncio.timeout(TIMEOUT):
            while waiting.pending(job.id) != [two.record.id]:
                await asyncio.sleep(0.01)
        assert calls.free == []
        await succeed(bus, two)
        await calls.until(free=1)

    assert calls.free == [job.id]


async def test_a_job_with_a_failed_dependency_is_failed_and_dequeued(bus: NatsBus) -> None:
    project, calls = some_project(), Calls()
    one, two = await accept(bus, project), await accept(bus, project)
    job = (await accept(bus, project, one.record.id, two.record.id)).record

    async with awaiting(bus, calls, job):
        await transition(bus.events, two, Canceled())
        await calls.until(over=1)

    ended = await bus.events.last(job.id)
    assert ended
    assert ended.record.step is Step.FAILED
    assert ended.record.error
    assert ended.record.error.code == "dependency_failed"
    assert not await bus.work.has_work(job.id)


async def test_what_was_decided_before_it_began_is_found(bus: NatsBus) -> None:
    project, calls = some_project(), Calls()
    one = await accept(bus, project)
    job = (await accept(bus, project, one.record.id)).record
    await succeed(bus, one)

    async with awaiting(bus, calls, job):
        await calls.until(free=1)


async def test_a_job_that_ended_but_is_still_in_the_queue_is_taken_off_it(bus: NatsBus) -> None:
    project, calls = some_project(), Calls()
    one = await accept(bus, project)
    entry = await accept(bus, project, one.record.id)
    await transition(bus.events, entry, Canceled())
    await transition(bus.events, one, Canceled())

    async with awaiting(bus, calls, entry.record):
        await calls.until(over=1)

    assert not await bus.work.has_work(entry.record.id)


async def test_a_lost_notification_is_found_by_the_next_check(bus: NatsBus) -> None:
    project, calls = some_project(), Calls()
    one = await accept(bus, project)
    job = (await accept(bus, project, one.record.id)).record
    over = apply(one.record, Canceled(), now())

    async with awaiting(bus, calls, job, look_again=0.2):
        # nobody would guess from its name that this event is the last one
        await append_event(bus.events, "whisper", over, one.sequence)
        await calls.until(over=1)


async def test_a_canceled_job_stops_waiting(bus: NatsBus) -> None:
    project, calls = some_project(), Calls()
    one = await accept(bus, project)
    jobs = [(await accept(bus, project, one.record.id)).record for _ in range(2)]

    async with awaiting(bus, calls, *jobs) as waiting:
        waiting.remove(jobs[0].id)
        await succeed(bus, one)
        await calls.until(free=1)

    assert calls.free == [jobs[1].id]

"""Transitions of jobs, appended to the event log."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.job_events import Failed, JobEvent
from heliograph.contracts.records import Marker, Record
from heliograph.contracts.state_machine import apply
from heliograph.runtime.bus import EventLog, WorkQueue
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.job_metrics import count_event
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.clock import now
from heliograph.runtime.tracing import publish_span


async def append_event(
    log: EventLog,
    name: str,
    body: Record | Marker,
    after: int,
    at: datetime | None = None,
    *,
    before: Record | None = None,
) -> LogEntry:
    """
    Write an event of this service, at the server's time if no other is given.

    Args:
        before: The record that the event changes; None for the first event of a job.

    Raises:
        Conflict, Unavailable: As for `EventLog.append`.
    """
    with publish_span(f"append {name}"):
        entry = await log.append(EventEnvelope.of(name, body, at or now(), log.source), after)
    count_event(name, before, body)
    return entry


async def transition(log: EventLog, entry: LogEntry, fact: JobEvent) -> LogEntry:
    """
    Write what a fact makes of the record in `entry`.

    Raises:
        IllegalTransition: The fact does not fit the record.
        Conflict: The record changed meanwhile.
        Unavailable: The log does not answer.
    """
    at, before = now(), entry.record
    after = apply(before, fact, at)
    return await append_event(log, fact.name, after, entry.sequence, at, before=before)


async def fail_as_poison(
    events: EventLog, work: WorkQueue, job: str, failed: Callable[[Record], Failed]
) -> LogEntry | None:
    """
    Fail a job that broke its handler for the last time, after a dead letter for the operator.

    The dead letter is written first: a job that has ended already gets none.

    Args:
        failed: The event that ends the job as it stands.

    Returns:
        The ended job; None when there is no such job.
    """
    while True:
        entry = await events.job(job)
        if entry is None or entry.record.step.is_final:
            return entry
        fact = failed(entry.record)
        await work.dead_letter(entry.record, fact.problem.model_dump_json())
        with suppress(Conflict):
            return await transition(events, entry, fact)

"""Transitions of jobs, appended to the event log."""

from datetime import datetime

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.job_events import JobEvent
from heliograph.contracts.records import Marker, Record
from heliograph.contracts.state_machine import apply
from heliograph.runtime.bus import EventLog, OnDecided
from heliograph.runtime.bus.job_metrics import count_event
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.clock import now
from heliograph.runtime.tracing import publish_span


async def append_event(
    log: EventLog,
    name: str,
    body: Record | Marker,
    expected_last: int,
    at: datetime | None = None,
    *,
    before: Record | None = None,
    on_decided: OnDecided | None = None,
) -> LogEntry:
    """
    Write an event of this service, at the server's time if no other is given.

    Args:
        before: The record that the event changes; None for the first event of a job.
        on_decided: As of `EventLog.append`.

    Raises:
        Conflict, Unavailable: As for `EventLog.append`.
    """
    with publish_span(f"append {name}"):
        event = EventEnvelope.of(name, body, at or now(), log.source)
        entry = await log.append(event, expected_last, on_decided)
    count_event(name, before, body)
    return entry


async def transition(log: EventLog, entry: LogEntry, event: JobEvent) -> LogEntry:
    """
    Write what an event makes of the record in `entry`.

    Raises:
        IllegalTransition: The event may not follow the record's step.
        Conflict: The record changed meanwhile.
        Unavailable: The log does not respond.
    """
    at, before = now(), entry.record
    changed = apply(before, event, at)
    return await append_event(log, event.name, changed, entry.sequence, at, before=before)

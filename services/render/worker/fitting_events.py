"""Fitting events: an event as it can be written to a job as it stands now. Pure."""

from heliograph.contracts.job_events import AttemptCompleted, JobEvent, Rendered, Submitted
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.late_events import late_event

_AT_PROVIDER = frozenset({Step.SUBMITTING, Step.SUBMIT_UNKNOWN, Step.SUBMITTED})


def run_of(entry: LogEntry, event: JobEvent) -> int:
    """A job that is over may learn of an attempt that was not its last."""
    if entry.record.step.is_final and isinstance(event, Submitted | Rendered | AttemptCompleted):
        return event.run
    return entry.record.internal.run


def fitting_event(entry: LogEntry, run: int, event: JobEvent) -> JobEvent | None:
    """The event as it can be written now; None if it no longer applies."""
    if entry.record.step.is_final:
        return late_event(entry, run, event)
    return event if _still_applies(entry.record, run) else None


def _still_applies(record: Record, run: int) -> bool:
    return record.internal.run == run and record.step in _AT_PROVIDER

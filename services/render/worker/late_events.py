"""Late events: what becomes known about an attempt after its job has ended. Pure."""

from typing import Any

from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Expired,
    Failed,
    JobEvent,
    Rendered,
    RetryScheduled,
    Submitted,
)
from heliograph.contracts.state_machine.late_attempts import adds_information
from heliograph.runtime.bus.log_entries import LogEntry


def late_event(entry: LogEntry, run: int, event: JobEvent) -> AttemptCompleted | None:
    """An event about an attempt, fitted to an ended job; None if it adds nothing."""
    record = entry.record
    known = _known(event)
    if known is None or all(attempt.run != run for attempt in record.internal.attempts):
        return None
    completed = AttemptCompleted(run=run, ended=record.ended(entry.sequence), **known)
    return completed if adds_information(record, completed) else None


def _known(event: JobEvent) -> dict[str, Any] | None:
    """Fields of an attempt that an event sets."""
    match event:
        case Submitted():
            return {"request_id": event.request_id, "answer": event.answer}
        case Rendered():
            return {"outcome": "rendered", "answer": event.answer} | _outputs(event)
        case RetryScheduled():
            return {"outcome": event.reason, "charged": event.charged}
        case Failed():
            fields = {"outcome": event.problem.code, "answer": event.answer}
            return fields | {"charged": event.charged}
        case Canceled() | Expired():
            return {"outcome": "rendered" if event.outputs else event.name} | _outputs(event)
        case AttemptCompleted():
            fields = {"outcome": event.outcome, "answer": event.answer}
            return fields | {"request_id": event.request_id} | _outputs(event)
    return None


def _outputs(event: Rendered | Canceled | Expired | AttemptCompleted) -> dict[str, Any]:
    known = {"outputs": event.outputs, "withheld": event.withheld}
    return known | {"charged": event.charged, "bill": event.bill}

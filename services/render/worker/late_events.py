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


def late_event(entry: LogEntry, run: int, fact: JobEvent) -> AttemptCompleted | None:
    """An event about an attempt, fitted to an ended job; None if it adds nothing."""
    record = entry.record
    known = _known(fact)
    if known is None or all(attempt.run != run for attempt in record.internal.attempts):
        return None
    completed = AttemptCompleted(run=run, ended=record.ended(entry.sequence), **known)
    return completed if adds_information(record, completed) else None


def _known(fact: JobEvent) -> dict[str, Any] | None:
    """Fields of an attempt that an event sets."""
    match fact:
        case Submitted():
            return {"request_id": fact.request_id, "answer": fact.answer}
        case Rendered():
            return {"outcome": "rendered", "answer": fact.answer} | _outputs(fact)
        case RetryScheduled():
            return {"outcome": fact.reason, "charged": fact.charged}
        case Failed():
            fields = {"outcome": fact.problem.code, "answer": fact.answer}
            return fields | {"charged": fact.charged}
        case Canceled() | Expired():
            return {"outcome": "rendered" if fact.outputs else fact.name} | _outputs(fact)
        case AttemptCompleted():
            fields = {"outcome": fact.outcome, "answer": fact.answer}
            return fields | {"request_id": fact.request_id} | _outputs(fact)
    return None


def _outputs(fact: Rendered | Canceled | Expired | AttemptCompleted) -> dict[str, Any]:
    known = {"outputs": fact.outputs, "withheld": fact.withheld}
    return known | {"charged": fact.charged, "bill": fact.bill}

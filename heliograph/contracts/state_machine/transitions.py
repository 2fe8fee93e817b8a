"""Transition table: which event may follow which step."""

from heliograph.contracts.job_events import (
    AttemptCompleted,
    Compacted,
    ExpireRequested,
    JobEvent,
    Pruned,
    Rendered,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
    Succeeded,
)
from heliograph.contracts.job_steps import FINAL, OPEN, Step
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.attempts import index_of_attempt

#: event -> the steps it may follow. `accepted` and `deduplicated` follow nothing at all, and so may
#: `canceled`, as the fence of a claim that was never accepted (see `Marker`).
TRANSITIONS: dict[str, frozenset[Step]] = {
    "started": frozenset({Step.ACCEPTED, Step.RETRY_SCHEDULED}),
    "submitting": frozenset({Step.STARTED}),
    "submitted": frozenset({Step.SUBMITTING, Step.SUBMIT_UNKNOWN, Step.STARTED}),
    "rendered": frozenset({Step.SUBMITTED, Step.SUBMITTING, Step.SUBMIT_UNKNOWN, Step.STARTED}),
    "retry_scheduled": frozenset(
        {Step.STARTED, Step.SUBMITTING, Step.SUBMITTED, Step.SUBMIT_UNKNOWN}
    ),
    "submit_unknown": frozenset({Step.SUBMITTING, Step.SUBMIT_UNKNOWN}),
    "cancel_requested": OPEN,
    "expire_requested": frozenset({Step.SUBMITTING, Step.SUBMITTED}),
    "succeeded": frozenset({Step.RENDERED, Step.ACCEPTED}),
    "failed": OPEN,
    "canceled": OPEN,
    "expired": OPEN,
    "pruned": FINAL,
    "compacted": FINAL,
    "attempt_completed": FINAL,
}

#: events that do not move a job
SAME_STEP = frozenset(
    {"cancel_requested", "expire_requested", "pruned", "compacted", "attempt_completed"}
)


class IllegalTransition(Exception):
    """The event does not fit the job as it stands; it must not be written."""

    def __init__(self, record: Record, event: JobEvent) -> None:
        super().__init__(f"{event.name} may not follow {record.step} in run {record.internal.run}")


def is_legal(step: Step, event: str) -> bool:
    """Whether `event` may follow `step`."""
    return step in TRANSITIONS[event]


def fits(record: Record, event: JobEvent) -> bool:
    """Whether the event is legal, of this run, and no outcome of what was never submitted."""
    match event:
        case Submitting(run=run) | Submitted(run=run) | Rendered(run=run) | SubmitUnknown(run=run):
            if run != record.internal.run:
                return False
    if isinstance(event, Pruned) and record.pruned_at:
        return False
    if isinstance(event, Compacted) and (record.compacted_at or record.runs_on):
        return False
    if isinstance(event, ExpireRequested) and record.internal.expire:
        return False
    if isinstance(event, AttemptCompleted) and index_of_attempt(record, event.run) is None:
        return False
    is_outcome = isinstance(event, Submitted | Rendered)
    if is_outcome and record.step is Step.STARTED and record.internal.takeover is None:
        return False
    if record.step is Step.ACCEPTED and isinstance(event, Started | Succeeded):
        is_there = record.internal.reused is not None
        return is_there == isinstance(event, Succeeded)
    return is_legal(record.step, event.name)

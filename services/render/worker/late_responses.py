"""Late answers: the event that a recovered answer adds to its job. Pure."""

from enum import Enum

from heliograph.contracts.job_events import JobEvent, Rendered
from heliograph.contracts.job_steps import Step
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.late_events import late_event
from services.render.worker.response_spool import Answer


class NotYet(Enum):
    """The answer cannot be recorded yet: another attempt of the job is in progress."""

    NOT_YET = "not yet"


def late_fact(entry: LogEntry, answer: Answer) -> JobEvent | NotYet | None:
    """The event that a recovered answer adds to its job; None: it is recorded already."""
    record = entry.record
    attempts = [each for each in record.internal.attempts if each.run == answer.run]
    if not attempts or attempts[-1].outcome == Step.RENDERED:
        return None
    fact = Rendered(
        run=answer.run,
        outputs=[] if record.pruned_at else answer.outputs,
        charged=answer.charged,
        bill=answer.bill,
        answer=answer.answer,
        detail=answer.detail,
        withheld=answer.withheld,
    )
    if record.step.is_final:
        return late_event(entry, answer.run, fact)
    is_awaited = record.step in (Step.SUBMITTING, Step.SUBMIT_UNKNOWN)
    return fact if is_awaited and record.internal.run == answer.run else NotYet.NOT_YET

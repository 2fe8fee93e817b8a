"""Late responses: the event that a recovered response adds to its job. Pure."""

from enum import Enum

from heliograph.contracts.job_events import JobEvent, Rendered
from heliograph.contracts.job_steps import Step
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker.late_events import late_event
from services.render.worker.response_spool import InlineResponse


class NotYet(Enum):
    """The response cannot be recorded yet: another attempt of the job is in progress."""

    NOT_YET = "not yet"


def late_response_event(entry: LogEntry, response: InlineResponse) -> JobEvent | NotYet | None:
    """The event that a recovered response adds to its job; None: it is recorded already."""
    record = entry.record
    attempts = [each for each in record.internal.attempts if each.run == response.run]
    if not attempts or attempts[-1].outcome == Step.RENDERED:
        return None
    event = Rendered(
        run=response.run,
        outputs=[] if record.pruned_at else response.outputs,
        charged=response.charged,
        bill=response.bill,
        answer=response.answer,
        detail=response.detail,
        withheld=response.withheld,
    )
    if record.step.is_final:
        return late_event(entry, response.run, event)
    is_awaited = record.step in (Step.SUBMITTING, Step.SUBMIT_UNKNOWN)
    return event if is_awaited and record.internal.run == response.run else NotYet.NOT_YET

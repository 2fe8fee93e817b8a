"""Completion of the last attempt of a job that is over. Pure."""

from datetime import datetime

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.job_events import AttemptCompleted
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.attempts import index_of_attempt
from heliograph.contracts.state_machine.charges import late_charge
from heliograph.contracts.state_machine.field_changes import Changes, withheld_changes


def attempt_completed(
    record: Record, event: AttemptCompleted, at: datetime
) -> tuple[Changes, Changes]:
    """Completes the last attempt: known values stay, missing ones are filled in."""
    attempts, place = list(record.internal.attempts), index_of_attempt(record, event.run)
    assert place is not None, "the attempt is one of the job's"
    before = attempts[place]
    charged = event.charged if before.charged == "unknown" else before.charged
    if not before.price:  # what costs nothing is never charged
        charged = "no"
    known: Changes = {
        "request_id": before.request_id or event.request_id,
        "charged": charged,
        "answer": event.answer or before.answer,
    }
    # an attempt that is charged already counts with its price
    is_news = charged == "yes" and before.charged != "yes"
    bill = event.bill if is_news else before.bill
    known |= {"bill": bill}
    known |= _end(before, event, at, is_last=before is attempts[-1])
    attempts[place] = before.model_copy(update=known)
    internal = {"attempts": attempts, "outputs": record.internal.outputs, "ended": event.ended}
    job = late_charge(record, attempts, before, charged, bill)
    if record.step is not Step.SUCCEEDED and event.outputs:
        internal["outputs"] = event.outputs
        job |= withheld_changes(event.withheld)
    return job, internal


def _end(before: Attempt, event: AttemptCompleted, at: datetime, *, is_last: bool) -> Changes:
    """End of the attempt. A failed lookup does not change that the request was rendered."""
    if before.outcome == Step.RENDERED:
        return {}
    if event.outcome:
        return {"ended_at": at, "outcome": event.outcome}
    is_known = event.request_id is not None and before.request_id is None
    if is_known and is_last:  # it was closed as not found: it may run on
        return {"ended_at": None, "outcome": None}
    return {}


def adds_information(record: Record, event: AttemptCompleted) -> bool:
    """Whether an event about an attempt of a job that is over changes anything."""
    _, internal = attempt_completed(record, event, record.internal.changed_at)
    place = index_of_attempt(record, event.run)
    assert place is not None, "the attempt is one of the job's"
    before, after = record.internal.attempts[place], internal["attempts"][place]
    known = {"ended_at"} if before.ended_at else set()
    is_same = before.model_dump(exclude=known) == after.model_dump(exclude=known)
    return not is_same or bool(internal["outputs"] != record.internal.outputs)

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
    record: Record, fact: AttemptCompleted, at: datetime
) -> tuple[Changes, Changes]:
    """Completes the last attempt: known values stay, missing ones are filled in."""
    attempts, place = list(record.internal.attempts), index_of_attempt(record, fact.run)
    assert place is not None, "the attempt is one of the job's"
    before = attempts[place]
    charged = fact.charged if before.charged == "unknown" else before.charged
    if not before.price:  # what costs nothing is never charged
        charged = "no"
    known: Changes = {
        "request_id": before.request_id or fact.request_id,
        "charged": charged,
        "answer": fact.answer or before.answer,
    }
    # an attempt that is charged already counts with its price
    is_news = charged == "yes" and before.charged != "yes"
    bill = fact.bill if is_news else before.bill
    known |= {"bill": bill}
    known |= _end(before, fact, at, is_last=before is attempts[-1])
    attempts[place] = before.model_copy(update=known)
    internal = {"attempts": attempts, "outputs": record.internal.outputs, "ended": fact.ended}
    job = late_charge(record, attempts, before, charged, bill)
    if record.step is not Step.SUCCEEDED and fact.outputs:
        internal["outputs"] = fact.outputs
        job |= withheld_changes(fact.withheld)
    return job, internal


def _end(before: Attempt, fact: AttemptCompleted, at: datetime, *, is_last: bool) -> Changes:
    """End of the attempt. A failed lookup does not change that the request was rendered."""
    if before.outcome == Step.RENDERED:
        return {}
    if fact.outcome:
        return {"ended_at": at, "outcome": fact.outcome}
    is_found = fact.request_id is not None and before.request_id is None
    if is_found and is_last:  # it was closed as not found: it may run on
        return {"ended_at": None, "outcome": None}
    return {}


def adds_information(record: Record, fact: AttemptCompleted) -> bool:
    """Whether a fact about an attempt of a job that is over changes anything."""
    _, internal = attempt_completed(record, fact, record.internal.changed_at)
    place = index_of_attempt(record, fact.run)
    assert place is not None, "the attempt is one of the job's"
    before, after = record.internal.attempts[place], internal["attempts"][place]
    known = {"ended_at"} if before.ended_at else set()
    is_same = before.model_dump(exclude=known) == after.model_dump(exclude=known)
    return not is_same or bool(internal["outputs"] != record.internal.outputs)

"""Attempts of a record: begun, taken over, completed, and bounded in size. Pure."""

from datetime import datetime
from decimal import Decimal

from heliograph.contracts.attempts import Attempt, Bill
from heliograph.contracts.job_events import Submitted, Submitting
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record

ATTEMPTS_BUDGET = 400_000  #: bytes of JSON; older attempts stay in the events that first had them


def index_of_attempt(record: Record, run: int) -> int | None:
    """Index of a run's attempt among those that are kept."""
    runs = [attempt.run for attempt in record.internal.attempts]
    return runs.index(run) if run in runs else None


def with_attempt(record: Record, event: Submitting, at: datetime) -> list[Attempt]:
    """The attempts with another one. A series of uncounted refusals is one entry."""
    attempts, new = record.internal.attempts, _attempt(record, event, at)
    if not (attempts and _was_refused(attempts[-1], new)):
        return [*attempts, new]
    refusals = attempts[-1].refusals + 1
    return [*attempts[:-1], new.model_copy(update={"refusals": refusals})]


def _was_refused(last: Attempt, new: Attempt) -> bool:
    """Whether an attempt surely was not accepted, and is made anew under the same number."""
    is_over = last.ended_at is not None and last.request_id is None and last.charged == "no"
    return is_over and last.number == new.number and last.submitting_at is not None


def _attempt(record: Record, event: Submitting, at: datetime) -> Attempt:
    return Attempt(
        number=record.attempt,
        run=event.run,
        account=record.internal.account,
        endpoint=event.endpoint,
        prompt=event.prompt,
        arguments=event.arguments,
        references=event.references,
        price=record.cost.estimated,
        submitting_at=at,
    )


def taken_over(record: Record, event: Submitted) -> Attempt:
    takeover = record.internal.takeover
    assert takeover, "nothing else is submitted without a submission"
    return Attempt(
        number=record.attempt,
        run=event.run,
        account=record.internal.account,
        endpoint=takeover.endpoint,
        prompt=record.prompt,
        arguments={},
        references=[],
        price=Decimal(0),
        charged="no",
    )


def with_response(attempts: list[Attempt], excerpt: str | None) -> list[Attempt]:
    """The attempts, the last one with the provider's response."""
    if not attempts or not excerpt:
        return attempts
    return [*attempts[:-1], attempts[-1].model_copy(update={"answer": excerpt})]


def with_ended_attempt(
    record: Record,
    at: datetime,
    outcome: str,
    charged: Charged,
    excerpt: str | None = None,
    bill: Bill | None = None,
) -> list[Attempt]:
    """The attempts, the last one completed if it was still open."""
    attempts = record.internal.attempts
    if not attempts or attempts[-1].ended_at:
        return attempts
    last = attempts[-1]
    known = {
        "ended_at": at,
        "outcome": outcome,
        "charged": charged if last.price else "no",
        "bill": bill if last.price and charged == "yes" else None,
        "answer": excerpt or last.answer,
    }
    return [*attempts[:-1], last.model_copy(update=known)]


def within_budget(attempts: list[Attempt]) -> list[Attempt]:
    """The latest attempts; a job that people retry again and again must still fit a message."""
    if len(attempts) == 1:
        return attempts  # it is kept, whatever its size
    size = 0
    for kept, attempt in enumerate(reversed(attempts)):
        size += len(attempt.model_dump_json().encode())
        if kept and size > ATTEMPTS_BUDGET:
            return attempts[-kept:]
    return attempts

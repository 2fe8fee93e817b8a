"""
The life of a job: which fact may follow which step, and what the record says afterwards.

    accepted ─▶ started ─▶ submitting ─▶ submitted ─▶ rendered ─▶ succeeded
       │ ▲         │            │            │           │
       │ └─────────┴─ retry_scheduled ◀──────┘
       │                        └▶ submit_unknown
       ├──────────── canceled · failed · expired
       └──────────── succeeded, with a result that was stored before

Everything here is data and pure functions. Final steps absorb: nothing is legal after them but
`pruned`, `compacted` and `attempt_completed`, which change nothing of how the job ended.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from heliograph.contracts.attempts import Attempt
from heliograph.contracts.compaction import shrunk
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    CancelRequested,
    Compacted,
    Expired,
    ExpireRequested,
    Failed,
    JobEvent,
    Pruned,
    Rendered,
    RetryScheduled,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
    Succeeded,
)
from heliograph.contracts.job_steps import FINAL, OPEN, Phase, Status, Step
from heliograph.contracts.outputs import Withheld
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Internal, Record, Remains

#: fact -> the steps it may follow. `accepted` and `deduplicated` follow nothing at all, and so may
#: `canceled`, as the fence of a claim that was never accepted (see `Marker`).
TRANSITIONS: dict[str, frozenset[Step]] = {
    "started": frozenset({Step.ACCEPTED, Step.RETRY_SCHEDULED}),
    "submitting": frozenset({Step.STARTED}),
    "submitted": frozenset({Step.SUBMITTING, Step.SUBMIT_UNKNOWN, Step.STARTED}),
    "rendered": frozenset({Step.SUBMITTED, Step.SUBMITTING, Step.SUBMIT_UNKNOWN, Step.STARTED}),
    "retry_scheduled": frozenset(
        {Step.STARTED, Step.SUBMITTING, Step.SUBMITTED, Step.SUBMIT_UNKNOWN}
    ),
    "submit_unknown": frozenset({Step.SUBMITTING}),
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

#: facts that do not move a job
_SAME_STEP = frozenset(
    {"cancel_requested", "expire_requested", "pruned", "compacted", "attempt_completed"}
)

STATUS: dict[Step, Status] = {
    Step.ACCEPTED: "queued",
    Step.STARTED: "running",
    Step.SUBMITTING: "running",
    Step.SUBMITTED: "running",
    Step.RENDERED: "running",
    Step.SUBMIT_UNKNOWN: "running",
    Step.RETRY_SCHEDULED: "queued",
    Step.SUCCEEDED: "succeeded",
    Step.FAILED: "failed",
    Step.CANCELED: "canceled",
    Step.EXPIRED: "expired",
}

PHASE: dict[Step, Phase] = {
    Step.ACCEPTED: "queued",
    Step.STARTED: "submitting",
    Step.SUBMITTING: "submitting",
    Step.SUBMITTED: "provider_queue",
    Step.RENDERED: "downloading",
    Step.SUBMIT_UNKNOWN: "submit_unknown",
    Step.RETRY_SCHEDULED: "retrying",
}

_MORE_CHARGED: dict[Charged, int] = {"no": 0, "unknown": 1, "yes": 2}

ATTEMPTS_BUDGET = 400_000  #: bytes of JSON; older attempts stay in the events that first had them


class IllegalTransition(Exception):
    """The fact does not fit the job as it stands; it must not be written."""

    def __init__(self, record: Record, fact: JobEvent) -> None:
        super().__init__(f"{fact.name} may not follow {record.step} in run {record.internal.run}")


def is_legal(step: Step, fact: str) -> bool:
    """Whether `fact` may follow `step`."""
    return step in TRANSITIONS[fact]


def apply(record: Record, fact: JobEvent, at: datetime) -> Record:
    """
    The record as it stands after `fact`, which happened at `at`.

    Raises:
        IllegalTransition: The fact may not follow the record's step, or is of another run. Drop it, or
            read the record again.
    """
    if not _fits(record, fact):
        raise IllegalTransition(record, fact)
    job, internal = _effect(record, fact, at)
    internal["changed_at"] = at
    if fact.name not in _SAME_STEP:
        internal["step"] = Step(fact.name)
    after = _derive(record, job, internal, at)
    return shrunk(after) if isinstance(fact, Compacted) else after


def _fits(record: Record, fact: JobEvent) -> bool:
    """Whether the fact is legal, of this run, and no answer to what was never asked."""
    match fact:
        case Submitting(run=run) | Submitted(run=run) | Rendered(run=run) | SubmitUnknown(run=run):
            if run != record.internal.run:
                return False
    if isinstance(fact, Pruned) and record.pruned_at:
        return False
    if isinstance(fact, Compacted) and (record.compacted_at or record.runs_on):
        return False
    if isinstance(fact, ExpireRequested) and record.internal.expire:
        return False
    if isinstance(fact, AttemptCompleted) and _attempt_of(record, fact.run) is None:
        return False
    is_answer = isinstance(fact, Submitted | Rendered)
    if is_answer and record.step is Step.STARTED and record.internal.takeover is None:
        return False
    if record.step is Step.ACCEPTED and isinstance(fact, Started | Succeeded):
        is_there = record.internal.reused is not None
        return is_there == isinstance(fact, Succeeded)
    return is_legal(record.step, fact.name)


def accumulate_charge(before: Charged, now: Charged) -> Charged:
    """Charges add up over attempts: once unknown or yes, never no again."""
    return max(before, now, key=_MORE_CHARGED.__getitem__)


_Changes = dict[str, Any]


def _effect(record: Record, fact: JobEvent, at: datetime) -> tuple[_Changes, _Changes]:
    """Changes that an event makes in the record, and in its `internal`."""
    match fact:
        case Started():
            job = {"attempt": record.attempt + 1, "started_at": record.started_at or at}
            return {**job, "error": None}, {"run": fact.run, "not_before": None}
        case Submitting():
            return {}, {"attempts": _within_budget(_attempts_with(record, fact, at))}
        case Submitted():
            return _submitted(record, fact, at)
        case Rendered():
            attempts = _ended(record, at, "rendered", fact.charged, fact.answer)
            changes: _Changes = {
                "detail": "; ".join(filter(None, (record.detail, fact.detail))) or None
            }
            changes["withheld"] = fact.withheld
            return _charged(record, fact.charged) | {"error": None} | changes, {
                "outputs": fact.outputs,
                "attempts": attempts,
            }
        case RetryScheduled():
            return _retry_scheduled(record, fact, at)
        case SubmitUnknown():
            attempts = _with_answer(record.internal.attempts, fact.answer)
            return _charged(record, "unknown") | {"error": fact.problem}, {"attempts": attempts}
        case CancelRequested(mode="stop"):
            return {}, {"cancel": True}
        case CancelRequested():
            return {"slot": None}, {}
        case ExpireRequested():
            return {}, {"expire": True}
        case Succeeded():
            changes = {"assets": fact.assets, "error": None, **_changes(record, fact.detail)}
            return changes | _withheld(fact.withheld), {}
        case Failed():
            attempts = _ended(record, at, fact.problem.code, fact.charged, fact.answer)
            ending: _Changes = {"error": fact.problem, "assets": fact.assets}
            ending |= _changes(record, fact.detail)
            ending |= _charged(record, fact.charged) | _withheld(fact.withheld)
            return ending, {"attempts": attempts}
        case Canceled():
            attempts = _ended(record, at, "canceled", fact.charged)
            outputs = fact.outputs or record.internal.outputs
            update = {"error": None} | _withheld(fact.withheld)
            return _charged(record, fact.charged) | update, {
                "attempts": attempts,
                "outputs": outputs,
            }
        case Expired():
            return _expired(record, fact, at)
        case AttemptCompleted():
            return _attempt_completed(record, fact, at)
        case Pruned():
            remains = Remains(ended=fact.ended, assets=record.assets)
            gone = [each.model_copy(update={"asset": None}) for each in record.withheld]
            return {"assets": [], "withheld": gone, "pruned_at": at}, {"remains": remains}
        case Compacted():
            return {"compacted_at": at}, {"ended": fact.ended, "replaces": fact.replaces}
    raise IllegalTransition(record, fact)


def _expired(record: Record, fact: Expired, at: datetime) -> tuple[_Changes, _Changes]:
    attempts = record.internal.attempts
    charged: Charged = "unknown" if fact.runs_on else fact.charged
    if not fact.runs_on:
        attempts = _ended(record, at, "expired", charged, fact.answer)
    outputs = fact.outputs or record.internal.outputs
    job = _charged(record, charged) | {"error": fact.problem} | _withheld(fact.withheld)
    return job, {"attempts": attempts, "outputs": outputs}


def _attempt_of(record: Record, run: int) -> int | None:
    """Index of a run's attempt among those that are kept."""
    runs = [attempt.run for attempt in record.internal.attempts]
    return runs.index(run) if run in runs else None


def _attempt_completed(
    record: Record, fact: AttemptCompleted, at: datetime
) -> tuple[_Changes, _Changes]:
    """Completes the last attempt: known values stay, missing ones are filled in."""
    attempts, place = list(record.internal.attempts), _attempt_of(record, fact.run)
    assert place is not None, "the attempt is one of the job's"
    before = attempts[place]
    charged = fact.charged if before.charged == "unknown" else before.charged
    if not before.price:  # what costs nothing is never charged
        charged = "no"
    known: _Changes = {
        "request_id": before.request_id or fact.request_id,
        "charged": charged,
        "answer": fact.answer or before.answer,
    }
    is_found = fact.request_id is not None and before.request_id is None
    if fact.outcome:
        known |= {"ended_at": at, "outcome": fact.outcome}
    elif is_found and before is attempts[-1]:  # closed as nobody knew of it: it may run on
        known |= {"ended_at": None, "outcome": None}
    attempts[place] = before.model_copy(update=known)
    internal = {"attempts": attempts, "outputs": record.internal.outputs, "ended": fact.ended}
    job = _charged_late(record, attempts, before, charged)
    if record.step is not Step.SUCCEEDED and fact.outputs:
        internal["outputs"] = fact.outputs
        job |= _withheld(fact.withheld)
    return job, internal


def tells_more(record: Record, fact: AttemptCompleted) -> bool:
    """Whether a fact about an attempt of a job that is over changes anything."""
    _, internal = _attempt_completed(record, fact, record.internal.changed_at)
    place = _attempt_of(record, fact.run)
    assert place is not None, "the attempt is one of the job's"
    before, after = record.internal.attempts[place], internal["attempts"][place]
    known = {"ended_at"} if before.ended_at else set()
    is_same = before.model_dump(exclude=known) == after.model_dump(exclude=known)
    return not is_same or bool(internal["outputs"] != record.internal.outputs)


def _charged_late(
    record: Record, attempts: list[Attempt], before: Attempt, charged: Charged
) -> _Changes:
    """The job's charge and cost, once it is known what one of its attempts cost."""
    if charged == before.charged or not record.cost.estimated:
        return {}
    job, actual = record.charged, record.cost.actual
    if charged == "yes":
        job, actual = "yes", (actual or Decimal(0)) + before.price
    elif attempts[0].number == 1 and all(attempt.charged == "no" for attempt in attempts):
        job, actual = "no", Decimal(0)
    error = record.error and record.error.model_copy(update={"charged": job})
    cost = record.cost.model_copy(update={"actual": actual})
    return {"charged": job, "cost": cost, "error": error}


def _changes(record: Record, detail: str | None) -> _Changes:
    """A detail beside those that are known."""
    if detail is None:
        return {}
    return {"detail": "; ".join(filter(None, (record.detail, detail)))}


def _withheld(known: list[Withheld] | None) -> _Changes:
    return {} if known is None else {"withheld": known}


def _attempts_with(record: Record, fact: Submitting, at: datetime) -> list[Attempt]:
    """One more attempt. A run of refusals that do not count is one entry, however long it gets."""
    attempts, new = record.internal.attempts, _attempt(record, fact, at)
    if not (attempts and _was_refused(attempts[-1], new)):
        return [*attempts, new]
    refusals = attempts[-1].refusals + 1
    return [*attempts[:-1], new.model_copy(update={"refusals": refusals})]


def _was_refused(last: Attempt, new: Attempt) -> bool:
    """Whether an attempt surely was not accepted, and is made anew under the same number."""
    is_over = last.ended_at is not None and last.request_id is None and last.charged == "no"
    return is_over and last.number == new.number and last.submitting_at is not None


def _attempt(record: Record, fact: Submitting, at: datetime) -> Attempt:
    return Attempt(
        number=record.attempt,
        run=fact.run,
        account=record.internal.account,
        endpoint=fact.endpoint,
        prompt=fact.prompt,
        arguments=fact.arguments,
        references=fact.references,
        price=record.cost.estimated,
        submitting_at=at,
    )


def _submitted(record: Record, fact: Submitted, at: datetime) -> tuple[_Changes, _Changes]:
    attempts = list(record.internal.attempts)
    if record.step is Step.STARTED:
        attempts.append(_taken_over(record, fact))
    known = {
        "submitted_at": at,
        "request_id": fact.request_id,
        "answer": fact.answer or attempts[-1].answer,
    }
    attempts[-1] = attempts[-1].model_copy(update=known)
    return {"error": None}, {"attempts": attempts, "unanswered": 0}


def _taken_over(record: Record, fact: Submitted) -> Attempt:
    takeover = record.internal.takeover
    assert takeover, "nothing else is submitted without a submission"
    return Attempt(
        number=record.attempt,
        run=fact.run,
        account=record.internal.account,
        endpoint=takeover.endpoint,
        prompt=record.prompt,
        arguments={},
        references=[],
        price=Decimal(0),
        charged="no",
    )


def _retry_scheduled(
    record: Record, fact: RetryScheduled, at: datetime
) -> tuple[_Changes, _Changes]:
    job = _charged(record, fact.charged) | {
        "attempt": record.attempt - (0 if fact.counted else 1),
        "detail": fact.detail,
        "error": None,
    }
    internal = {
        "not_before": fact.not_before,
        "unanswered": 0 if fact.answered else record.internal.unanswered + 1,
        "attempts": _ended(record, at, fact.reason, fact.charged, fact.answer),
        "retries": [*record.internal.retries, *([fact.key] if fact.key else [])],
    }
    return job, internal


def _with_answer(attempts: list[Attempt], answer: str | None) -> list[Attempt]:
    """The attempts, the last one with what the provider said."""
    if not attempts or not answer:
        return attempts
    return [*attempts[:-1], attempts[-1].model_copy(update={"answer": answer})]


def _ended(
    record: Record, at: datetime, outcome: str, charged: Charged, answer: str | None = None
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
        "answer": answer or last.answer,
    }
    return [*attempts[:-1], last.model_copy(update=known)]


def _within_budget(attempts: list[Attempt]) -> list[Attempt]:
    """The latest attempts; a job that people retry again and again must still fit a message."""
    size = 0
    for kept, attempt in enumerate(reversed(attempts)):
        size += len(attempt.model_dump_json().encode())
        if kept and size > ATTEMPTS_BUDGET:
            return attempts[-kept:]
    return attempts


def _charged(record: Record, now: Charged) -> _Changes:
    """The job's charge and cost, with this attempt's added. What costs nothing is never charged."""
    if not record.cost.estimated:
        return {}
    charged = accumulate_charge(record.charged, now)
    attempts = record.internal.attempts
    is_news = now == "yes" and bool(attempts) and attempts[-1].ended_at is None
    actual = record.cost.actual
    if is_news:
        actual = (actual or Decimal(0)) + attempts[-1].price
    return {"charged": charged, "cost": record.cost.model_copy(update={"actual": actual})}


def _derive(record: Record, job: _Changes, internal: _Changes, at: datetime) -> Record:
    """Everything that follows from the step."""
    inner = record.internal.model_copy(update=internal)
    step = inner.step
    cost = job.get("cost", record.cost)
    if step.is_final and not record.step.is_final:
        charged = job.get("charged", record.charged)
        if charged == "no" and cost.actual is None:
            cost = cost.model_copy(update={"actual": Decimal(0)})
        job = {**job, "cost": cost, "finished_at": at}
    if record.step is Step.RETRY_SCHEDULED and step is not Step.RETRY_SCHEDULED:
        job = {"detail": None, **job}
    derived = {
        "status": STATUS[step],
        "phase": _phase(inner),
        "revision": record.revision + 1,
        "internal": inner,
    }
    return record.model_copy(update={**job, **derived})


def _phase(internal: Internal) -> Phase:
    if internal.step.is_final:
        return "done"
    return "canceling" if internal.cancel or internal.expire else PHASE[internal.step]

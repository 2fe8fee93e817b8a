"""Changes that each event makes in a record. Pure."""

from datetime import datetime

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
from heliograph.contracts.job_steps import Step
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record, Remains
from heliograph.contracts.state_machine.attempts import (
    taken_over,
    with_answer,
    with_attempt,
    with_ended_attempt,
    within_budget,
)
from heliograph.contracts.state_machine.charges import add_charge
from heliograph.contracts.state_machine.field_changes import (
    Changes,
    detail_changes,
    withheld_changes,
)
from heliograph.contracts.state_machine.late_attempts import attempt_completed
from heliograph.contracts.state_machine.transitions import IllegalTransition


def record_changes(record: Record, fact: JobEvent, at: datetime) -> tuple[Changes, Changes]:
    """Changes that an event makes in the record, and in its `internal`."""
    match fact:
        case Started():
            job = {"attempt": record.attempt + 1, "started_at": record.started_at or at}
            return {**job, "error": None}, {"run": fact.run, "not_before": None}
        case Submitting():
            return {}, {"attempts": within_budget(with_attempt(record, fact, at))}
        case Submitted():
            return _submitted(record, fact, at)
        case Rendered():
            attempts = with_ended_attempt(
                record, at, "rendered", fact.charged, fact.answer, fact.bill
            )
            changes: Changes = {
                "detail": "; ".join(filter(None, (record.detail, fact.detail))) or None
            }
            changes["withheld"] = fact.withheld
            return add_charge(record, fact.charged, fact.bill) | {"error": None} | changes, {
                "outputs": fact.outputs,
                "attempts": attempts,
            }
        case RetryScheduled():
            return _retry_scheduled(record, fact, at)
        case SubmitUnknown():
            attempts = with_answer(record.internal.attempts, fact.answer)
            return add_charge(record, "unknown") | {"error": fact.problem}, {"attempts": attempts}
        case CancelRequested(mode="stop"):
            return {}, {"cancel": True}
        case CancelRequested():
            return {"slot": None}, {}
        case ExpireRequested():
            return {}, {"expire": True}
        case Succeeded():
            changes = {"assets": fact.assets, "error": None, **detail_changes(record, fact.detail)}
            return changes | withheld_changes(fact.withheld), {}
        case Failed():
            attempts = with_ended_attempt(record, at, fact.problem.code, fact.charged, fact.answer)
            ending: Changes = {"error": fact.problem, "assets": fact.assets}
            ending |= detail_changes(record, fact.detail)
            ending |= add_charge(record, fact.charged) | withheld_changes(fact.withheld)
            return ending, {"attempts": attempts}
        case Canceled():
            attempts = with_ended_attempt(record, at, "canceled", fact.charged, bill=fact.bill)
            outputs = fact.outputs or record.internal.outputs
            update = {"error": None} | withheld_changes(fact.withheld)
            return add_charge(record, fact.charged, fact.bill) | update, {
                "attempts": attempts,
                "outputs": outputs,
            }
        case Expired():
            return _expired(record, fact, at)
        case AttemptCompleted():
            return attempt_completed(record, fact, at)
        case Pruned():
            remains = Remains(ended=fact.ended, assets=record.assets)
            gone = [each.model_copy(update={"asset": None}) for each in record.withheld]
            return {"assets": [], "withheld": gone, "pruned_at": at}, {"remains": remains}
        case Compacted():
            return {"compacted_at": at}, {"ended": fact.ended, "replaces": fact.replaces}
    raise IllegalTransition(record, fact)


def _expired(record: Record, fact: Expired, at: datetime) -> tuple[Changes, Changes]:
    attempts = record.internal.attempts
    charged: Charged = "unknown" if fact.runs_on else fact.charged
    if not fact.runs_on:
        attempts = with_ended_attempt(record, at, "expired", charged, fact.answer, fact.bill)
    outputs = fact.outputs or record.internal.outputs
    job = add_charge(record, charged, fact.bill) | {"error": fact.problem}
    job |= withheld_changes(fact.withheld)
    return job, {"attempts": attempts, "outputs": outputs}


def _submitted(record: Record, fact: Submitted, at: datetime) -> tuple[Changes, Changes]:
    attempts = list(record.internal.attempts)
    if record.step is Step.STARTED:
        attempts.append(taken_over(record, fact))
    known = {
        "submitted_at": at,
        "request_id": fact.request_id,
        "answer": fact.answer or attempts[-1].answer,
    }
    attempts[-1] = attempts[-1].model_copy(update=known)
    return {"error": None}, {"attempts": attempts, "unanswered": 0}


def _retry_scheduled(record: Record, fact: RetryScheduled, at: datetime) -> tuple[Changes, Changes]:
    job = add_charge(record, fact.charged) | {
        "attempt": record.attempt - (0 if fact.counted else 1),
        "detail": fact.detail,
        "error": None,
    }
    internal = {
        "not_before": fact.not_before,
        "unanswered": 0 if fact.answered else record.internal.unanswered + 1,
        "attempts": with_ended_attempt(record, at, fact.reason, fact.charged, fact.answer),
        "retries": [*record.internal.retries, *([fact.key] if fact.key else [])],
    }
    return job, internal

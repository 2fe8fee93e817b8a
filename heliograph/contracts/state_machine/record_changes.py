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
    with_attempt,
    with_ended_attempt,
    with_response,
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


def record_changes(record: Record, event: JobEvent, at: datetime) -> tuple[Changes, Changes]:
    """Changes that an event makes in the record, and in its `internal`."""
    match event:
        case Started():
            job = {"attempt": record.attempt + 1, "started_at": record.started_at or at}
            return {**job, "error": None}, {"run": event.run, "not_before": None}
        case Submitting():
            return {}, {"attempts": within_budget(with_attempt(record, event, at))}
        case Submitted():
            return _submitted(record, event, at)
        case Rendered():
            return _rendered(record, event, at)
        case RetryScheduled():
            return _retry_scheduled(record, event, at)
        case SubmitUnknown():
            attempts = with_response(record.internal.attempts, event.answer)
            return add_charge(record, "unknown") | {"error": event.problem}, {"attempts": attempts}
        case CancelRequested(mode="stop"):
            return {}, {"cancel": True}
        case CancelRequested():
            return {"slot": None}, {}
        case ExpireRequested():
            return {}, {"expire": True}
        case Succeeded():
            changes: Changes = {"assets": event.assets, "error": None}
            changes |= detail_changes(record, event.detail)
            return changes | withheld_changes(event.withheld), {}
        case Failed():
            return _failed(record, event, at)
        case Canceled():
            return _canceled(record, event, at)
        case Expired():
            return _expired(record, event, at)
        case AttemptCompleted():
            return attempt_completed(record, event, at)
        case Pruned():
            return _pruned(record, event, at)
        case Compacted():
            return {"compacted_at": at}, {"ended": event.ended, "replaces": event.replaces}
    raise IllegalTransition(record, event)


def _rendered(record: Record, event: Rendered, at: datetime) -> tuple[Changes, Changes]:
    attempts = with_ended_attempt(record, at, "rendered", event.charged, event.answer, event.bill)
    job: Changes = add_charge(record, event.charged, event.bill) | {"error": None}
    job["detail"] = "; ".join(filter(None, (record.detail, event.detail))) or None
    job["withheld"] = event.withheld
    return job, {"outputs": event.outputs, "attempts": attempts}


def _failed(record: Record, event: Failed, at: datetime) -> tuple[Changes, Changes]:
    attempts = with_ended_attempt(record, at, event.problem.code, event.charged, event.answer)
    job: Changes = {"error": event.problem, "assets": event.assets}
    job |= detail_changes(record, event.detail)
    job |= add_charge(record, event.charged) | withheld_changes(event.withheld)
    return job, {"attempts": attempts}


def _canceled(record: Record, event: Canceled, at: datetime) -> tuple[Changes, Changes]:
    attempts = with_ended_attempt(record, at, "canceled", event.charged, bill=event.bill)
    outputs = event.outputs or record.internal.outputs
    job = add_charge(record, event.charged, event.bill) | {"error": None}
    job |= withheld_changes(event.withheld)
    return job, {"attempts": attempts, "outputs": outputs}


def _pruned(record: Record, event: Pruned, at: datetime) -> tuple[Changes, Changes]:
    remains = Remains(ended=event.ended, assets=record.assets)
    gone = [each.model_copy(update={"asset": None}) for each in record.withheld]
    return {"assets": [], "withheld": gone, "pruned_at": at}, {"remains": remains}


def _expired(record: Record, event: Expired, at: datetime) -> tuple[Changes, Changes]:
    attempts = record.internal.attempts
    charged: Charged = "unknown" if event.runs_on else event.charged
    if not event.runs_on:
        attempts = with_ended_attempt(record, at, "expired", charged, event.answer, event.bill)
    outputs = event.outputs or record.internal.outputs
    job = add_charge(record, charged, event.bill) | {"error": event.problem}
    job |= withheld_changes(event.withheld)
    return job, {"attempts": attempts, "outputs": outputs}


def _submitted(record: Record, event: Submitted, at: datetime) -> tuple[Changes, Changes]:
    attempts = list(record.internal.attempts)
    if record.step is Step.STARTED:
        attempts.append(taken_over(record, event))
    known = {
        "submitted_at": at,
        "request_id": event.request_id,
        "answer": event.answer or attempts[-1].answer,
    }
    attempts[-1] = attempts[-1].model_copy(update=known)
    return {"error": None}, {"attempts": attempts, "unanswered": 0}


def _retry_scheduled(
    record: Record, event: RetryScheduled, at: datetime
) -> tuple[Changes, Changes]:
    job = add_charge(record, event.charged) | {
        "attempt": record.attempt - (0 if event.counted else 1),
        "detail": event.detail,
        "error": None,
    }
    internal = {
        "not_before": event.not_before,
        "unanswered": 0 if event.answered else record.internal.unanswered + 1,
        "attempts": with_ended_attempt(record, at, event.reason, event.charged, event.answer),
        "retries": [*record.internal.retries, *([event.key] if event.key else [])],
    }
    return job, internal

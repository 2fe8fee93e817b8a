"""Retry: resumes a job from the cheapest step that can work, and never pays unasked."""

from collections.abc import Collection
from typing import Any

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.canonical_json import digest
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import IdempotencyKeyRequired, StateConflict, ValidationFailed
from heliograph.contracts.job_events import RetryScheduled
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.json_pointers import pointer_to
from heliograph.contracts.problems import NextAction, relocate
from heliograph.contracts.projects import Defaults
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.retries import (
    ENDED,
    cheapest_step,
    missing_outputs_of,
    outputs_of,
    request_of,
)
from heliograph.contracts.retry_requests import RetryFrom, RetryRequest
from heliograph.runtime.bus import EventLog, WorkQueue
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.transitions import transition
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.http.validation import validate_as
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.acceptance import AcceptResult
from services.gateway.jobs.first_record import build_record
from services.gateway.jobs.free_retry import free_retry_record
from services.gateway.jobs.job_tickets import enqueue_or_leave
from services.gateway.jobs.lookup import load_job
from services.gateway.jobs.price_consent import check_key

_NONE = Defaults()


@retry_on_conflict
async def retry_in_place(
    events: EventLog,
    work: WorkQueue,
    job: str,
    key: str | None,
    retry: RetryRequest,
    *,
    may_pay: bool = False,
) -> AcceptResult | None:
    """
    Submit a job in `submit_unknown` again. None when the job is in another state.

    Raises:
        StateConflict: The retry costs money and `from` is not `submit`; or it names another step.
        ValidationFailed: The request has changes.
        IdempotencyKeyRequired: The retry may be charged twice, and the request has no key.
        OverBudget: Another attempt costs more than is left of the project's budget.
    """
    entry: LogEntry = await load_job(events, job)
    record = entry.record
    if key and key in record.internal.retries:
        if record.step is Step.RETRY_SCHEDULED:
            await enqueue_or_leave(work, record)
        return AcceptResult(entry=entry, replayed=True)
    if record.step is not Step.SUBMIT_UNKNOWN:
        return None
    if retry.from_ is None and not may_pay:
        refuse_to_pay(record.cost)
    if key is None:
        raise IdempotencyKeyRequired
    check_in_place(retry)
    event = RetryScheduled(
        not_before=now(),
        reason="submit_unknown",
        detail="submitted again on request",
        charged="unknown",
        key=key,
    )
    entry = await transition(events, entry, event)
    crash_point("retry.written")
    await enqueue_or_leave(work, entry.record)
    crash_point("retry.queued")
    return AcceptResult(entry=entry)


def check_in_place(retry: RetryRequest) -> None:
    """
    Whether a job in `submit_unknown` can be tried again like this.

    Raises:
        StateConflict, ValidationFailed: The request names another step than `submit`, or has changes.
    """
    if retry.from_ not in (None, "submit"):
        raise StateConflict("nothing is known to be at the provider; only `submit` can work")
    if retry.changes:
        raise ValidationFailed.at("/changes", "a job in submit_unknown goes on as it is")


def retry_record(
    old: Record,
    retry: RetryRequest,
    caller: RequestIdentity,
    catalog: Catalog,
    defaults: Defaults = _NONE,
    *,
    may_pay: bool = False,
) -> Record:
    """
    The first record of the job that tries again. Only `from: submit` pays, unless it `may_pay`.

    What `defaults` once filled in stays as it was. A model that was locked since is used.

    Raises:
        StateConflict: The old job has not ended without success, that step cannot work, or it costs
            something and `from` is not `submit`.
        ValidationFailed: The changed request is not valid, or the step allows no changes.
        ModelLocked: The project is now locked to another model for the kind.
        IdempotencyKeyRequired: The retry costs money, and the request has no key.
    """
    step = resume_point(old, retry.from_)
    request = merge_changes(old, step, retry.changes)
    body, over = retry_digest(old, retry), resume_from(old, step)
    if over:
        return free_retry_record(old, caller, catalog, now(), takeover=over, body_digest=body)
    filled = Defaults(
        style=old.internal.style,
        locked_model=defaults.locked_model,
        unpriced_max_cost=defaults.unpriced_max_cost,
    )
    may_reuse = retry.changes.get("reuse") is True  # then the price is checked later
    is_unconfirmed = retry.from_ is None and not (may_pay or may_reuse)
    try:
        record = build_record(
            request, caller, catalog, now(), defaults=filled, body_digest=body, retry_of=old.id
        )
    except ValidationFailed as error:
        raise in_changes(error, retry.changes) from None
    if is_unconfirmed:
        refuse_to_pay(record.cost)
    check_key(record.cost, caller.key)
    return record.model_copy(update={"batch": old.batch})


def refuse_to_pay(cost: Cost) -> None:
    """Raises StateConflict for a paid step without explicit consent."""
    if not cost.estimated:
        return
    price = f"{cost.estimated} {cost.currency}"
    again = NextAction(kind="retry", label=f"Submit it again for {price}", patch={"from": "submit"})
    raise StateConflict(
        f"only a new submission can work, and it costs {price}; say `from: submit` to pay for it",
        next_actions=[again],
    )


def in_changes(error: ValidationFailed, changes: Collection[str]) -> ValidationFailed:
    """The same mistakes with pointers into the body of a retry, which lacks the old job's fields."""

    def place(pointer: str) -> str:
        field = pointer.split("/")[1] if pointer else ""
        return f"/changes{pointer}" if field in changes else pointer

    detail, errors = relocate(str(error), error.errors, place)
    return type(error)(detail, errors=errors, next_actions=error.next_actions)


def resume_point(record: Record, start: RetryFrom | None) -> RetryFrom:
    """
    Where a retry of an ended job begins.

    Raises:
        StateConflict: The job is open or succeeded, or has no data for that step.
    """
    if record.step not in ENDED:
        raise StateConflict(f"a job that is {record.status} cannot be retried")
    if record.internal.is_cut and start in (None, "submit"):
        start = start or cheapest_step(record)
        if start == "submit":
            raise StateConflict(
                "most of the job was removed to make room; send it as a new request"
            )
    if start == "download" and not outputs_of(record):
        raise StateConflict("the provider gave no outputs to download")
    if start == "poll" and not request_of(record):
        raise StateConflict("there is no request at the provider to ask for")
    return start or cheapest_step(record)


def resume_from(record: Record, step: RetryFrom) -> Takeover | None:
    """The request that the new job resumes; None when it submits by itself."""
    if step == "submit":
        return None
    attempts = record.internal.attempts
    old = record.internal.takeover
    return Takeover(
        job=record.id,
        account=record.internal.account,
        endpoint=attempts[-1].endpoint if attempts else old.endpoint if old else "",
        request_id=request_of(record) if step == "poll" else None,
        outputs=outputs_of(record) if step == "download" else [],
        withheld=missing_outputs_of(record) if step == "download" else [],
    )


def merge_changes(record: Record, step: RetryFrom, changes: dict[str, Any]) -> JobRequest:
    """
    The old request, with changes.

    Raises:
        ValidationFailed: The changed request is not valid, or the step allows no changes.
    """
    if changes and step != "submit":
        raise ValidationFailed.at("/changes", f"a retry from {step} fetches what there is")
    before = {
        "kind": record.kind,
        "prompt": record.prompt,
        "model": record.model,
        "slot": record.slot,
        "references": [reference.place() for reference in record.references],
        "edit_prompt": record.edit_prompt,
        "parameters": record.parameters,
        "arguments": record.arguments,
        "priority": record.priority,
        "user": record.user,
        "tags": record.tags,
        "on_ambiguous": record.internal.on_ambiguous.request().model_dump(exclude_none=True),
        "after": record.internal.after,
    }
    return validate_as(
        {**before, **changes}, JobRequest, lambda path: pointer_to(["changes", *path])
    )


def retry_digest(record: Record, retry: RetryRequest) -> str:
    """Digest of a retry, for its idempotency key."""
    return digest({"retry_of": record.id, "from": retry.from_, "changes": retry.changes})

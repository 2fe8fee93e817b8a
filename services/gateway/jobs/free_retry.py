"""Free retry: a new job that fetches what an earlier job paid for."""

from datetime import datetime

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import ModelUnavailable
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Internal, Record
from services.gateway.idempotency import RequestIdentity


def free_retry_record(
    old: Record,
    caller: RequestIdentity,
    catalog: Catalog,
    at: datetime,
    *,
    takeover: Takeover,
    body_digest: str,
) -> Record:
    """
    The record of a job that takes over the request, or the outputs, of `old`.

    No model is called, so neither its entry in the catalog nor its kind's is needed.

    Raises:
        ModelUnavailable: No lane carries such jobs now; or the request has to be polled at a provider that
            has no account now.
    """
    lane, account = _lane(old, catalog), _account(old, catalog, takeover)
    kept = {"kind", "slot", "prompt", "edit_prompt", "parameters", "arguments", "references"}
    kept |= {"priority", "user", "tags", "model", "provider", "batch"}
    return Record(
        **{field: getattr(old, field) for field in kept},
        id=caller.job,
        project=caller.project,
        lane=lane,
        status="queued",
        phase="queued",
        retry_of=old.id,
        cost=Cost(currency=old.cost.currency),
        created_at=at,
        revision=1,
        internal=_internal(old, caller, at, account, takeover, body_digest),
    )


def _lane(old: Record, catalog: Catalog) -> str:
    kind = catalog.kinds.get(old.kind)
    lane = kind.lane if kind else old.lane
    if lane not in catalog.lanes:
        raise ModelUnavailable(f"there is no lane {lane} for jobs of kind {old.kind}")
    return lane


def _account(old: Record, catalog: Catalog, takeover: Takeover) -> str:
    account = catalog.account_for(old.model)
    if account is None and takeover.request_id:
        raise ModelUnavailable(f"no account for {old.model} is configured")
    return account or takeover.account


def _internal(
    old: Record,
    caller: RequestIdentity,
    at: datetime,
    account: str,
    takeover: Takeover,
    body_digest: str,
) -> Internal:
    return Internal(
        step=Step.ACCEPTED,
        account=account,
        body_digest=body_digest,
        input_digest=old.internal.input_digest,
        style=old.internal.style,
        takeover=takeover,
        max_references=old.internal.max_references,
        on_ambiguous=old.internal.on_ambiguous,
        timeout_seconds=old.internal.timeout_seconds,
        changed_at=at,
        access_key=caller.access_key,
        correlation_id=caller.correlation_id,
        traceparent=caller.traceparent,
    )

"""Builds a job's first record: model, parameters, references and price are resolved here."""

from datetime import datetime
from typing import Any, NamedTuple

from heliograph.contracts.canonical_json import digest
from heliograph.contracts.catalog import Catalog, provider_of
from heliograph.contracts.errors import (
    BodyTooLarge,
    ModelUnavailable,
    UnknownKind,
    UnknownModel,
    ValidationFailed,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.kinds import Kind
from heliograph.contracts.models import Model
from heliograph.contracts.projects import Defaults
from heliograph.contracts.records import Internal, Record
from heliograph.contracts.references import Reference
from heliograph.contracts.requests import JobRequest
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.price_consent import check_max_cost
from services.gateway.jobs.pricing import estimate_cost
from services.gateway.jobs.raw_arguments import check_arguments
from services.gateway.jobs.request_parameters import request_parameters
from services.gateway.jobs.request_references import used_references
from services.gateway.projects.defaults import apply_defaults

#: bytes of a first record; later ones repeat parts of it for each attempt
MAX_RECORD_BYTES = 256 * 1024

_NONE = Defaults()

#: fields that a record has from its request
_COPIED = ("kind", "slot", "prompt", "edit_prompt", "arguments", "priority", "user", "tags")


def build_record(
    request: JobRequest,
    caller: RequestIdentity,
    catalog: Catalog,
    at: datetime,
    *,
    defaults: Defaults = _NONE,
    current: Reference | None = None,
    body_digest: str | None = None,
    retry_of: str | None = None,
) -> Record:
    """
    The record of a job as it is accepted.

    `defaults` are those of its project; `current` is what the request works from when it asks for
    one reference and names none; `body_digest` is of the body that the key stands for, when that is
    not `request` itself.

    Raises:
        UnknownKind, UnknownModel, ValidationFailed: The caller must change the request.
        BodyTooLarge: The events of the job would not fit into messages.
        ModelLocked: The project is locked to another model for the kind.
        OverMaxCost: The job costs more than `max_cost` or the quote.
        PriceUnknown: The price of the model is not known, and no `max_cost` is set.
        ModelUnavailable: The operator has no account for the model.
    """
    resolved = _resolve(request, catalog, defaults)
    if request.finish_by and request.finish_by <= at:
        raise ValidationFailed.at("/finish_by", "is in the past")
    inputs = _inputs(request, resolved, current)
    internal = _internal(request, caller, resolved, inputs, at, body_digest)
    record = _record(request, caller, resolved, inputs, internal, retry_of)
    _check_size(record)
    ceiling = request.max_cost or defaults.unpriced_max_cost
    cost = estimate_cost(record, resolved.kind, resolved.model, ceiling)
    check_max_cost(cost, request.max_cost)
    return record.model_copy(update={"cost": cost})


class _Resolved(NamedTuple):
    """A request with its project's defaults, and what the catalog has for it."""

    request: JobRequest
    kind: Kind
    name: str  #: of the model
    model: Model
    account: str
    style: str | None


class _Inputs(NamedTuple):
    """The part of a request that the model gets."""

    parameters: dict[str, Any]
    requested: list[Reference]  #: those of the request, or what it works from
    references: list[Reference]  #: those of them that the model can take
    detail: str | None  #: why some are left out


def _resolve(request: JobRequest, catalog: Catalog, defaults: Defaults) -> _Resolved:
    """Raises UnknownKind, UnknownModel, ValidationFailed, ModelLocked and ModelUnavailable."""
    kind = catalog.kinds.get(request.kind)
    if kind is None:
        raise UnknownKind.at("/kind", f"there is no kind {request.kind!r}")
    name, whole = apply_defaults(request, kind, catalog, defaults)
    model = _model(name, kind, catalog)
    account = catalog.account_for(name)
    if account is None:
        raise ModelUnavailable(f"no account for {name} is configured")
    return _Resolved(whole, kind, name, model, account, defaults.style)


def _inputs(request: JobRequest, resolved: _Resolved, current: Reference | None) -> _Inputs:
    """Raises ValidationFailed."""
    kind, model = resolved.kind, resolved.model
    parameters = request_parameters(resolved.request, kind, resolved.name, model)
    requested = request.references or ([current] if current else [])
    references, detail = used_references(request, requested, kind, model)
    check_arguments(request, model)
    return _Inputs(parameters, requested, references, detail)


def _internal(
    request: JobRequest,
    caller: RequestIdentity,
    resolved: _Resolved,
    inputs: _Inputs,
    at: datetime,
    body_digest: str | None,
) -> Internal:
    timeout = resolved.kind.timeout_seconds
    return Internal(
        step=Step.ACCEPTED,
        account=resolved.account,
        body_digest=body_digest or request.digest(resolved.name),
        input_digest=_input_digest(resolved, inputs.requested),
        style=resolved.style,
        after=list(dict.fromkeys(request.after)),
        max_references=len(inputs.references),
        on_ambiguous=request.on_ambiguous.kept(),
        timeout_seconds=inputs.parameters.get("timeout_seconds", timeout),
        changed_at=at,
        access_key=caller.access_key,
        correlation_id=caller.correlation_id,
        traceparent=caller.traceparent,
    )


def _record(
    request: JobRequest,
    caller: RequestIdentity,
    resolved: _Resolved,
    inputs: _Inputs,
    internal: Internal,
    retry_of: str | None,
) -> Record:
    return Record(
        **{field: getattr(request, field) for field in _COPIED},
        id=caller.job,
        project=caller.project,
        lane=resolved.kind.lane,
        model=resolved.name,
        provider=provider_of(resolved.name),
        parameters=inputs.parameters,
        references=[reference.kept() for reference in inputs.references],
        status="queued",
        phase="queued",
        detail=inputs.detail,
        retry_of=retry_of,
        batch=caller.batch,
        cost=Cost(currency=resolved.model.price.currency),
        created_at=internal.changed_at,
        finish_by=request.finish_by,
        revision=1,
        internal=internal,
    )


def _input_digest(resolved: _Resolved, references: list[Reference]) -> str:
    """The digest of all that the result depends on; jobs with the same one are equal."""
    request = resolved.request
    if references != request.references:
        request = request.model_copy(update={"references": references})
    inputs = request.input_digest()
    return digest([inputs, resolved.style]) if resolved.style else inputs


def _model(name: str, kind: Kind, catalog: Catalog) -> Model:
    model = catalog.models.get(name)
    if model is None:
        raise UnknownModel.at("/model", f"there is no model {name!r}")
    if model.media != kind.media:
        raise ValidationFailed.at(
            "/model", f"the model produces {model.media}, but the kind requires {kind.media}"
        )
    return model


def _check_size(record: Record) -> None:
    size = len(record.model_dump_json().encode())
    if size > MAX_RECORD_BYTES:
        raise BodyTooLarge(
            f"the job would have {size} bytes, at most {MAX_RECORD_BYTES} are kept of one"
        )

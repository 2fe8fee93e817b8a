"""Idempotency: a key names the job it asks for; a repeated request returns that job."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from heliograph.contracts.errors import IdempotencyKeyInvalid
from heliograph.contracts.id_generation import keyed_job_id, new_job_id
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.tracing import current_traceparent


@dataclass(frozen=True, kw_only=True)
class RequestIdentity:
    """Identity of a request: project, idempotency key, job id and trace."""

    project: str
    job: str  #: the id the job will have
    key: str | None = None  #: Idempotency-Key
    is_repeatable: bool = False  #: the same request may arrive again under the same id, key or not
    body_digest: str | None = None  #: of the body that the request is only a part of, if it is
    batch: str | None = None  #: that the request is a part of
    access_key: str | None = None  #: id of the API key that it came with, if it did
    correlation_id: str | None = None
    traceparent: str | None = None


#: whether a body with this digest, made for this model, is the same body
SameBody = Callable[[str, str], bool]


def same_request(request: JobRequest, identity: RequestIdentity) -> SameBody:
    """Compares a request with what its key stands for."""
    if identity.body_digest:
        return same_digest(identity.body_digest)
    return partial(matches_digest, request)


def same_digest(digest: str) -> SameBody:
    """Compares a digest with what its key stands for, whatever the model."""
    return lambda known, _: known == digest


def matches_digest(request: JobRequest, known: str, model: str) -> bool:
    """
    Whether a request with a known key has the body that the key stands for.

    A model that the request leaves out is taken from the job. Other defaults are not part of the digest, so
    a changed default does not turn a repeated request into a different one.
    """
    return request.digest(request.model or model) == known


_MAX_KEY = 255  #: characters


_TRACEPARENT = 55  #: characters of a W3C traceparent


def identify_request(
    project: str,
    key: str | None,
    *,
    traceparent: str | None = None,
    access_key: str | None = None,
) -> RequestIdentity:
    """
    A request with a key means the job that the key names; without one, a new job.

    Its `traceparent` is that of the span that is open here; where nothing is traced, the caller's.
    """
    return RequestIdentity(
        project=project,
        job=keyed_job_id(project, key) if key else new_job_id(),
        key=key,
        is_repeatable=key is not None,
        access_key=access_key or None,
        correlation_id=key,
        traceparent=current_traceparent() or _well_formed(traceparent),
    )


def _well_formed(traceparent: str | None) -> str | None:
    return traceparent if traceparent and len(traceparent) == _TRACEPARENT else None


def validate_key(key: str) -> str:
    """Raises IdempotencyKeyInvalid."""
    if not 1 <= len(key) <= _MAX_KEY or not all(0x21 <= ord(c) <= 0x7E for c in key):
        raise IdempotencyKeyInvalid
    return key

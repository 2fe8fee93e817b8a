"""What fal's answers mean: for the request, for the money, and for who can do something about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    OutputExpired,
    ProviderAuth,
    ProviderBalance,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ReferenceFailed,
)
from heliograph.contracts.problems import Charged, FieldError, NextAction, ProviderNote
from services.render.providers import RateLimited, ReplyLost
from services.render.providers.wire import parsed, patience

_STARTED_TOO_LATE = "X-Fal-Request-Timeout-Type"  #: on a 504: by our own start timeout
_LOCKED = ("locked", "balance", "top up", "top_up")

#: types of errors that mean something of their own; others are told by their status
_BY_TYPE: dict[str, type[JobError]] = {
    "content_policy_violation": ContentPolicy,
    "no_media_generated": NoOutput,
    "generation_timeout": ProviderTimeout,
    "downstream_service_error": ProviderUnavailable,
    "file_download_error": ReferenceFailed,
}
_STOPPED = frozenset({"client_cancelled", "client_disconnected"})
_ASK_AGAIN = NextAction(
    kind="retry", label="Ask fal once more; costs nothing", example={"from": "poll"}
)
_PAY_AGAIN = NextAction(
    kind="retry", label="Submit again; it is paid a second time", example={"from": "submit"}
)
_ADVICE: dict[type[JobError], list[NextAction]] = {
    ContentPolicy: [NextAction(kind="change_request", label="Change the prompt")],
    ProviderRejected: [NextAction(kind="change_request", label="Change what fal objects to")],
}


@dataclass(frozen=True)
class Complaint:
    """An error of fal's, whichever of its two shapes it has."""

    status: int
    type: str | None
    text: str
    fields: tuple[FieldError, ...] = ()

    @classmethod
    def of(cls, answer: httpx.Response) -> "Complaint":
        body = parsed(answer)
        detail = body.get("detail") if isinstance(body, dict) else None
        if isinstance(detail, list):
            return cls(answer.status_code, *_of_model(detail))
        kind = body.get("error_type") if isinstance(body, dict) else None
        text = detail if isinstance(detail, str) else f"fal answered {answer.status_code}"
        if not isinstance(kind, str) or not kind:
            kind = answer.headers.get("X-Fal-Error-Type")
        return cls(answer.status_code, kind, text)


def refuse_submission(answer: httpx.Response) -> NoReturn:
    """
    What an answer other than 200 to a submission means.

    Raises:
        RateLimited: fal said how long to wait, or did not.
        ReplyLost: It is of those that also come after a request was accepted.
        JobError: Surely not accepted.
    """
    complaint = Complaint.of(answer)
    if complaint.status == 429:
        raise RateLimited(complaint.text, retry_after=patience(answer))
    if _STARTED_TOO_LATE in answer.headers:
        raise ProviderUnavailable("fal did not start it in time", provider=_note(complaint))
    if complaint.status in (408, 409) or not 400 <= complaint.status < 500:
        raise ReplyLost(complaint.text)
    raise account_error(complaint) or _error(complaint)


def account_error(complaint: Complaint) -> JobError | None:
    """What is wrong with the account; None when it is something else."""
    if complaint.status not in (401, 402, 403):
        return None
    is_locked = any(word in complaint.text.lower() for word in _LOCKED)
    kind = ProviderBalance if complaint.status == 402 or is_locked else ProviderAuth
    return kind(complaint.text, provider=_note(complaint))


@dataclass(frozen=True)
class Verdict:
    """Why there is no result."""

    error: JobError
    charged: Charged


def verdict(answer: httpx.Response, request_id: str) -> Verdict:
    """
    What a result other than 200 means.

    Raises:
        ProviderUnavailable: It is no answer of the model's, or none yet; ask again.
    """
    complaint = Complaint.of(answer)
    if _is_passing(answer, complaint):
        raise ProviderUnavailable(complaint.text)
    if complaint.status in (404, 410):
        return lost(request_id)
    if complaint.type in _STOPPED or complaint.status == 499:
        return Verdict(JobError("stopped on request"), billed(answer))
    error = _error(complaint, request_id)
    if error.retryable and answer.headers.get("X-Fal-Retryable") == "false":
        error = ProviderRejected(complaint.text, provider=_note(complaint, request_id))
    return Verdict(error, billed(answer))


def lost(request_id: str) -> Verdict:
    """fal knows no such request, or no longer."""
    error = OutputExpired(
        "fal does not know the request, or no longer",
        provider=ProviderNote(name="fal", request_id=request_id),
        next_actions=[_ASK_AGAIN, _PAY_AGAIN],
    )
    return Verdict(error, "unknown")


def billed(answer: httpx.Response) -> Charged:
    """Whether fal charges for it. Failures of its own are free; a refusal may have taken time."""
    try:
        return "yes" if float(answer.headers["X-Fal-Billable-Units"]) > 0 else "no"
    except (KeyError, ValueError):
        if answer.is_success:
            return "yes"
        return "no" if answer.is_server_error else "unknown"


def _is_passing(answer: httpx.Response, complaint: Complaint) -> bool:
    """Of the way to fal, not of the request: what a model says has an id or a reason."""
    if complaint.status == 400:
        return "in progress" in complaint.text
    if answer.is_server_error:
        has_reason = isinstance(parsed(answer), dict) and "detail" in parsed(answer)
        return not has_reason and "X-Fal-Request-Id" not in answer.headers
    return complaint.status in (401, 402, 403, 408, 425, 429) or answer.is_redirect


def _error(complaint: Complaint, request_id: str | None = None) -> JobError:
    kind = _BY_TYPE.get(complaint.type or "")
    if kind is None:
        kind = ProviderUnavailable if complaint.status >= 500 else ProviderRejected
    return kind(
        complaint.text,
        errors=complaint.fields,
        provider=_note(complaint, request_id),
        next_actions=_ADVICE.get(kind, []),
    )


def _note(complaint: Complaint, request_id: str | None = None) -> ProviderNote:
    return ProviderNote(name="fal", request_id=request_id, code=complaint.type)


def _of_model(detail: list[Any]) -> tuple[str | None, str, tuple[FieldError, ...]]:
    """Type, text and fields of a model's complaint."""
    entries = [entry for entry in detail if isinstance(entry, dict)]
    fields = tuple(_fields(entries))
    text = "; ".join(f"{field.pointer}: {field.detail}" for field in fields)
    kind = str(entries[0]["type"]) if entries and "type" in entries[0] else None
    return kind, text or "fal refused the request", fields


def _fields(entries: list[dict[str, Any]]) -> Iterator[FieldError]:
    for entry in entries:
        place = entry.get("loc")
        path = [str(p) for p in place if p != "body"] if isinstance(place, list) else []
        pointer = "/prompt" if path == ["prompt"] else "/".join(["", "arguments", *path])
        reason = str(entry.get("msg", entry.get("type", "")))
        yield FieldError(pointer=pointer, detail=reason)

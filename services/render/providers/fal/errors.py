"""Errors of fal: classifies a response as transient or final, and as charged or not."""

from dataclasses import dataclass, replace
from typing import NoReturn

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
from heliograph.contracts.problems import Charged, NextAction, ProviderNote
from services.render.providers.error_report import ErrorReport, quoted
from services.render.providers.rate_limit import retry_after
from services.render.providers.response_content import json_or_none
from services.render.providers.submissions import AmbiguousSubmit, RateLimited

_STARTED_TOO_LATE = "X-Fal-Request-Timeout-Type"  #: on a 504: by our own start timeout
BILLED = "X-Fal-Billable-Units"
_LOCKED = ("locked", "balance", "top up", "top_up")

#: types of errors that mean something of their own; others are classified by their status
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


def report_of(answer: httpx.Response) -> ErrorReport:
    """Error report of fal or of one of its models."""
    report = ErrorReport.of(answer, "fal")
    kind = answer.headers.get("X-Fal-Error-Type")
    return replace(report, codes=(kind,)) if kind and not report.codes else report


def raise_for_submission(answer: httpx.Response) -> NoReturn:
    """
    Raise the error of an unsuccessful submission.

    Raises:
        RateLimited: fal said how long to wait, or did not.
        AmbiguousSubmit: It is of those that also come after a request was accepted.
        JobError: Surely not accepted.
    """
    report = report_of(answer)
    if report.status == 429:
        wait = retry_after(answer, report.text)
        raise quoted(RateLimited(report.text, retry_after=wait), answer)
    if _STARTED_TOO_LATE in answer.headers:
        late = ProviderUnavailable(
            f"fal did not start it in time: {report.text}", provider=_note(report)
        )
        raise quoted(late, answer)
    if report.status in (408, 409) or not 400 <= report.status < 500:
        raise AmbiguousSubmit(report.text)
    raise quoted(account_error(report) or _error(report), answer)


def account_error(report: ErrorReport) -> JobError | None:
    """Error of the account; None for any other error."""
    if report.status not in (401, 402, 403):
        return None
    is_locked = any(word in report.text.lower() for word in _LOCKED)
    kind = ProviderBalance if report.status == 402 or is_locked else ProviderAuth
    return kind(report.text, provider=_note(report))


@dataclass(frozen=True)
class Failure:
    """Why there is no result."""

    error: JobError
    charged: Charged


def classify(answer: httpx.Response, request_id: str) -> Failure:
    """
    Classify an unsuccessful result.

    Raises:
        ProviderUnavailable: It is no answer of the model's, or none yet; ask again.
    """
    report = report_of(answer)
    if _is_passing(answer, report):
        raise ProviderUnavailable(report.text)
    if report.status in (404, 410):
        return not_found(request_id)
    if report.code in _STOPPED or report.status == 499:
        return Failure(JobError("stopped on request"), was_billed(answer))
    error = _error(report, request_id)
    if error.retryable and answer.headers.get("X-Fal-Retryable") == "false":
        error = ProviderRejected(report.text, provider=_note(report, request_id))
    return Failure(error, was_billed(answer))


def not_found(request_id: str) -> Failure:
    """fal knows no such request, or no longer."""
    error = OutputExpired(
        "fal does not know the request, or no longer",
        provider=ProviderNote(name="fal", request_id=request_id),
        next_actions=[_ASK_AGAIN, _PAY_AGAIN],
    )
    return Failure(error, "unknown")


def was_billed(answer: httpx.Response) -> Charged:
    """Whether fal charges for it. Failures of its own are free; a refusal may have taken time."""
    try:
        return "yes" if float(answer.headers[BILLED]) > 0 else "no"
    except (KeyError, ValueError):
        if answer.is_success:
            return "yes"
        return "no" if answer.is_server_error else "unknown"


def _is_passing(answer: httpx.Response, report: ErrorReport) -> bool:
    """Of the way to fal, not of the request: what a model says has an id or a reason."""
    if report.status == 400:
        return "in progress" in report.text
    if answer.is_server_error:
        has_reason = isinstance(json_or_none(answer), dict) and "detail" in json_or_none(answer)
        return not has_reason and "X-Fal-Request-Id" not in answer.headers
    return report.status in (401, 402, 403, 408, 425, 429) or answer.is_redirect


def _error(report: ErrorReport, request_id: str | None = None) -> JobError:
    kind = next((_BY_TYPE[code] for code in report.codes if code in _BY_TYPE), None)
    if kind is None and report.is_about_content and report.status < 500:
        kind = ContentPolicy
    if kind is None:
        kind = ProviderUnavailable if report.status >= 500 else ProviderRejected
    return kind(
        report.text,
        errors=report.fields,
        provider=_note(report, request_id),
        next_actions=_ADVICE.get(kind, []),
    )


def _note(report: ErrorReport, request_id: str | None = None) -> ProviderNote:
    return ProviderNote(name="fal", request_id=request_id, code=report.code)

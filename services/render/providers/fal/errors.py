"""Errors of fal about submissions and accounts, translated to ours."""

from dataclasses import replace
from typing import NoReturn

import httpx

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    ProviderAuth,
    ProviderBalance,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ReferenceFailed,
)
from heliograph.contracts.problems import NextAction, ProviderNote
from services.render.providers.error_report import ErrorReport, quoted
from services.render.providers.rate_limit import retry_after
from services.render.providers.submissions import AmbiguousSubmit, RateLimited

_STARTED_TOO_LATE = "X-Fal-Request-Timeout-Type"  #: on a 504: by our own start timeout
_LOCKED = ("locked", "balance", "top up", "top_up")

#: types of errors that mean something of their own; others are classified by their status
_BY_TYPE: dict[str, type[JobError]] = {
    "content_policy_violation": ContentPolicy,
    "no_media_generated": NoOutput,
    "generation_timeout": ProviderTimeout,
    "downstream_service_error": ProviderUnavailable,
    "file_download_error": ReferenceFailed,
}
_ADVICE: dict[type[JobError], list[NextAction]] = {
    ContentPolicy: [NextAction(kind="change_request", label="Change the prompt")],
    ProviderRejected: [NextAction(kind="change_request", label="Change what fal objects to")],
}


def report_of(response: httpx.Response) -> ErrorReport:
    """Error report of fal or of one of its models."""
    report = ErrorReport.of(response, "fal")
    kind = response.headers.get("X-Fal-Error-Type")
    return replace(report, codes=(kind,)) if kind and not report.codes else report


def raise_for_submission(response: httpx.Response) -> NoReturn:
    """
    Raise the error of an unsuccessful submission.

    Raises:
        RateLimited: fal limits the rate, with or without a time to wait.
        AmbiguousSubmit: The error can also occur after a request was accepted.
        JobError: The request was surely not accepted.
    """
    report = report_of(response)
    if report.status == 429:
        wait = retry_after(response, report.text)
        raise quoted(RateLimited(report.text, retry_after=wait), response)
    if _STARTED_TOO_LATE in response.headers:
        late = ProviderUnavailable(
            f"fal did not start it in time: {report.text}", provider=note_of(report)
        )
        raise quoted(late, response)
    if report.status in (408, 409) or not 400 <= report.status < 500:
        raise AmbiguousSubmit(report.text)
    raise quoted(account_error(report) or error_of(report), response)


def account_error(report: ErrorReport) -> JobError | None:
    """Error of the account; None for any other error."""
    if report.status not in (401, 402, 403):
        return None
    is_locked = any(word in report.text.lower() for word in _LOCKED)
    kind = ProviderBalance if report.status == 402 or is_locked else ProviderAuth
    return kind(report.text, provider=note_of(report))


def error_of(report: ErrorReport, request_id: str | None = None) -> JobError:
    kind = next((_BY_TYPE[code] for code in report.codes if code in _BY_TYPE), None)
    if kind is None and report.is_about_content and report.status < 500:
        kind = ContentPolicy
    if kind is None:
        kind = ProviderUnavailable if report.status >= 500 else ProviderRejected
    return kind(
        report.text,
        errors=report.fields,
        provider=note_of(report, request_id),
        next_actions=_ADVICE.get(kind, []),
    )


def note_of(report: ErrorReport, request_id: str | None = None) -> ProviderNote:
    return ProviderNote(name="fal", request_id=request_id, code=report.code)

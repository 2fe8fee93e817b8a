"""Errors of Replicate, translated to ours."""

import re
from typing import NoReturn

import httpx

from heliograph.contracts.errors import (
    AccountRefused,
    ContentPolicy,
    JobError,
    ProviderAuth,
    ProviderBalance,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ReferenceFailed,
)
from heliograph.contracts.problems import NextAction, ProviderNote
from services.render.providers.error_report import ErrorReport, quoted
from services.render.providers.rate_limit import retry_after
from services.render.providers.submissions import AmbiguousSubmit, RateLimited

_NO_MONEY = ("credit", "billing", "balance", "payment")
_CODE = re.compile(r"\((?:code:\s*)?([A-Z]{1,2}\d{0,5})\)")
_CHANGE = NextAction(kind="change_request", label="Change the prompt or what Replicate objects to")

#: patterns in the error text of a failed prediction; the first match counts
_BY_WORDS: tuple[tuple[type[JobError], tuple[str, ...]], ...] = (
    (ContentPolicy, ("nsfw", "sensitive", "safety", "content policy", "moderation", "prohibited")),
    (ReferenceFailed, ("not found for url", "failed to download", "could not download")),
    (ProviderTimeout, ("timed out", "timeout")),
    (
        ProviderUnavailable,
        ("interrupted", "temporarily unavailable", "queue is full", "high demand", "director:"),
    ),
    (ProviderRejected, ("invalid", "must be", "unsupported", "validation")),
)


def account_error(report: ErrorReport) -> AccountRefused | None:
    """Error of the account; None for any other error."""
    if report.status not in (401, 402, 403):
        return None
    is_poor = any(word in report.text.lower() for word in _NO_MONEY)
    kind = ProviderBalance if report.status == 402 or is_poor else ProviderAuth
    return kind(report.text, provider=report.note("replicate"))


def raise_for_submission(response: httpx.Response) -> NoReturn:
    """
    Raise the error of an unsuccessful submission.

    Raises:
        RateLimited: Replicate limits the rate, with or without a time to wait.
        AmbiguousSubmit: The error can also occur after a request was accepted.
        JobError: The request was surely not accepted.
    """
    report = ErrorReport.of(response, "Replicate")
    if report.status == 429:
        wait = retry_after(response, report.text)
        raise quoted(RateLimited(report.text, retry_after=wait), response)
    if report.status in (408, 409) or not 400 <= report.status < 500:
        raise AmbiguousSubmit(report.text)
    raise quoted(account_error(report) or _rejection(report), response)


def _rejection(report: ErrorReport) -> JobError:
    kind = ContentPolicy if report.is_about_content else ProviderRejected
    note = report.note("replicate")
    return kind(report.text, errors=report.fields, provider=note, next_actions=[_CHANGE])


def failure_of(text: str, note: ProviderNote) -> JobError:
    """Error of a failed prediction, from Replicate's sentence."""
    lowered = text.lower()
    kinds = (kind for kind, words in _BY_WORDS if any(word in lowered for word in words))
    kind = next(kinds, ProviderError)
    code = _CODE.search(text)
    advice = [_CHANGE] if kind in (ContentPolicy, ProviderRejected) else []
    named = note.model_copy(update={"code": code[1] if code else None})
    return kind(text, provider=named, next_actions=advice)

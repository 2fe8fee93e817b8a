"""Errors of Gemini, translated to ours."""

from typing import Any

import httpx

from heliograph.contracts.errors import (
    ContentPolicy,
    ProviderAuth,
    ProviderBalance,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.problems import NextAction
from services.render.providers.error_report import ErrorReport, error_within, failure_within, quoted
from services.render.providers.gemini.retry_delay import retry_delay
from services.render.providers.request_states import RequestStopped
from services.render.providers.response_content import json_or_none, response_excerpt
from services.render.providers.submissions import AmbiguousSubmit, RateLimited

_NO_MONEY = ("billing", "prepayment", "credits", "balance")
_CHANGE = NextAction(kind="change_request", label="Change what Gemini objects to")
_FREE_FAILURES = frozenset({500, 503})  #: in Gemini's own words they are not charged


def classify(response: httpx.Response) -> RequestStopped:
    """
    Classify an error response; one with a success status may be charged.

    Raises:
        RateLimited: Gemini limits the rate, with or without a time to wait.
        AmbiguousSubmit: The error can also occur after a request was accepted.
        JobError: The request was surely not accepted, or failed at no cost.
    """
    if response.is_success and (within := error_within(json_or_none(response))):
        error = failure_within(within, within.note("gemini"))
        return RequestStopped(error=error, charged="unknown", excerpt=response_excerpt(response))
    code, report = response.status_code, ErrorReport.of(response, "Gemini")
    text, note = report.text, report.note("gemini")
    is_poor = any(word in text.lower() for word in _NO_MONEY)
    if code == 402 or (code in (403, 429) and is_poor):
        raise quoted(ProviderBalance(text, provider=note), response)
    if code == 429:
        raise quoted(RateLimited(text, retry_after=retry_delay(response, text)), response)
    if code in (401, 403) or (code == 400 and "api key" in text.lower()):
        raise quoted(ProviderAuth(text, provider=note), response)
    if code in _FREE_FAILURES and _is_geminis(json_or_none(response)):
        raise quoted(ProviderUnavailable(text, provider=note), response)
    if code in (408, 409) or not 400 <= code < 500:
        raise AmbiguousSubmit(text)
    kind = ContentPolicy if report.is_about_content else ProviderRejected
    raise quoted(kind(text, errors=report.fields, provider=note, next_actions=[_CHANGE]), response)


def _is_geminis(body: Any) -> bool:
    """Whether the error is the model service's own, and not a proxy's."""
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and isinstance(error.get("status"), str) and "code" in error

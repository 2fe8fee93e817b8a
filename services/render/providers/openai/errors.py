"""Errors of OpenAI, translated to ours."""

import httpx

from heliograph.contracts.errors import (
    ContentPolicy,
    ProviderAuth,
    ProviderBalance,
    ProviderRejected,
)
from heliograph.contracts.problems import NextAction
from services.render.providers.error_report import ErrorReport, quoted
from services.render.providers.rate_limit import retry_after
from services.render.providers.request_states import RequestStopped
from services.render.providers.response_content import response_excerpt
from services.render.providers.submissions import AmbiguousSubmit, RateLimited

_NO_MONEY = frozenset(
    {
        "insufficient_quota",
        "insufficient_balance",
        "insufficient_credits",
        "billing_hard_limit_reached",
        "billing_not_active",
    }
)
_CHANGE = NextAction(kind="change_request", label="Change the prompt or what it objects to")


def classify(response: httpx.Response) -> RequestStopped:
    """
    Classify an unsuccessful response. A content refusal may come after the work.

    Raises:
        RateLimited: The server limits the rate, with or without a time to wait.
        AmbiguousSubmit: The error can also occur after a request was accepted.
        JobError: The request was surely not accepted.
    """
    status, report = response.status_code, ErrorReport.of(response, "it")
    note = report.note("openai")
    if status == 402 or _NO_MONEY & {code.lower() for code in report.codes}:
        raise quoted(ProviderBalance(report.text, provider=note), response)
    if status == 429:
        wait = retry_after(response, report.text)
        raise quoted(RateLimited(report.text, retry_after=wait), response)
    if status in (400, 403, 422) and report.is_about_content:
        policy = ContentPolicy(
            report.text, errors=report.fields, provider=note, next_actions=[_CHANGE]
        )
        return RequestStopped(error=policy, charged="unknown", excerpt=response_excerpt(response))
    if status in (401, 403):
        raise quoted(ProviderAuth(report.text, provider=note), response)
    if status in (408, 409) or not 400 <= status < 500:
        raise AmbiguousSubmit(report.text)
    rejected = ProviderRejected(
        report.text, errors=report.fields, provider=note, next_actions=[_CHANGE]
    )
    raise quoted(rejected, response)

"""Result failures of fal: why a request has no result, and whether it is charged."""

from dataclasses import dataclass

import httpx

from heliograph.contracts.errors import (
    JobError,
    OutputExpired,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.prices import BILLABLE_UNITS
from heliograph.contracts.problems import Charged, NextAction, ProviderNote
from services.render.providers.billed_units import Units, amount_in
from services.render.providers.error_report import ErrorReport
from services.render.providers.fal.errors import error_of, note_of, report_of
from services.render.providers.response_content import json_or_none

BILLED = "X-Fal-Billable-Units"


_STOPPED = frozenset({"client_cancelled", "client_disconnected"})
_ASK_AGAIN = NextAction(
    kind="retry", label="Ask fal once more; costs nothing", example={"from": "poll"}
)
_PAY_AGAIN = NextAction(
    kind="retry", label="Submit again; it is paid a second time", example={"from": "submit"}
)


@dataclass(frozen=True)
class Failure:
    """Why there is no result."""

    error: JobError
    charged: Charged


def classify(response: httpx.Response, request_id: str) -> Failure:
    """
    Classify an unsuccessful result.

    Raises:
        ProviderUnavailable: The response is not from the model, or not yet; poll again.
    """
    report = report_of(response)
    if _is_passing(response, report):
        raise ProviderUnavailable(report.text)
    if report.status in (404, 410):
        return unknown_request(request_id)
    if report.code in _STOPPED or report.status == 499:
        return Failure(JobError("stopped on request"), was_billed(response))
    error = error_of(report, request_id)
    if error.retryable and response.headers.get("X-Fal-Retryable") == "false":
        error = ProviderRejected(report.text, provider=note_of(report, request_id))
    return Failure(error, was_billed(response))


def unknown_request(request_id: str) -> Failure:
    """fal knows no such request, or no longer."""
    error = OutputExpired(
        "fal does not know the request, or no longer",
        provider=ProviderNote(name="fal", request_id=request_id),
        next_actions=[_ASK_AGAIN, _PAY_AGAIN],
    )
    return Failure(error, "unknown")


def was_billed(response: httpx.Response) -> Charged:
    """
    Whether fal charges for it. Its own failures are free; a refused request may have taken processing time.
    """
    try:
        return "yes" if float(response.headers[BILLED]) > 0 else "no"
    except (KeyError, ValueError):
        if response.is_success:
            return "yes"
        return "no" if response.is_server_error else "unknown"


def _is_passing(response: httpx.Response, report: ErrorReport) -> bool:
    """Whether the error is transient, and not the model's, which has a request id or a reason."""
    if report.status == 400:
        return "in progress" in report.text
    if response.is_server_error:
        has_reason = isinstance(json_or_none(response), dict) and "detail" in json_or_none(response)
        return not has_reason and "X-Fal-Request-Id" not in response.headers
    return report.status in (401, 402, 403, 408, 425, 429) or response.is_redirect


def billed_units(response: httpx.Response) -> Units:
    """Units that fal bills for a result: those of the model's price."""
    amount = amount_in(response.headers.get(BILLED))
    return {} if amount is None else {BILLABLE_UNITS: amount}

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


def classify(answer: httpx.Response, request_id: str) -> Failure:
    """
    Classify an unsuccessful result.

    Raises:
        ProviderUnavailable: The response is not from the model, or not yet; poll again.
    """
    report = report_of(answer)
    if _is_passing(answer, report):
        raise ProviderUnavailable(report.text)
    if report.status in (404, 410):
        return not_found(request_id)
    if report.code in _STOPPED or report.status == 499:
        return Failure(JobError("stopped on request"), was_billed(answer))
    error = error_of(report, request_id)
    if error.retryable and answer.headers.get("X-Fal-Retryable") == "false":
        error = ProviderRejected(report.text, provider=note_of(report, request_id))
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
    """Whether the error is transient, and not the model's, which has a request id or a reason."""
    if report.status == 400:
        return "in progress" in report.text
    if answer.is_server_error:
        has_reason = isinstance(json_or_none(answer), dict) and "detail" in json_or_none(answer)
        return not has_reason and "X-Fal-Request-Id" not in answer.headers
    return report.status in (401, 402, 403, 408, 425, 429) or answer.is_redirect


def billed_units(answer: httpx.Response) -> Units:
    """Units that fal bills for a result: those of the model's price."""
    amount = amount_in(answer.headers.get(BILLED))
    return {} if amount is None else {BILLABLE_UNITS: amount}

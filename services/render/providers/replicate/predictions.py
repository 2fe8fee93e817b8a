"""States of a Replicate prediction, as the provider port defines them."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx

from heliograph.contracts.errors import (
    JobError,
    OutputExpired,
    ProviderUnavailable,
)
from heliograph.contracts.problems import Charged, NextAction, ProviderNote
from heliograph.contracts.progress import LogLine, Progress
from services.render.providers import Request
from services.render.providers.billed_units import units_in
from services.render.providers.error_report import error_within
from services.render.providers.output_entries import Search
from services.render.providers.replicate.errors import failure_of
from services.render.providers.request_states import (
    RequestQueued,
    RequestRunning,
    RequestStopped,
    RequestSucceeded,
    State,
)
from services.render.providers.response_content import json_or_none, response_excerpt
from services.render.providers.response_outcome import outcome_of
from services.render.providers.response_outputs import find_outputs

_KEPT_LINES = 20
_PERCENT = re.compile(r"(\d{1,3})%\|")  #: as progress bars print it
_PAY_AGAIN = NextAction(
    kind="retry", label="Submit again; it is paid a second time", example={"from": "submit"}
)


def state_of(response: httpx.Response, request: Request, base_url: str) -> State:
    """
    State of a prediction.

    Raises:
        ProviderUnavailable: The response is not a prediction, or its state is unknown; poll again.
    """
    prediction = json_or_none(response)
    if not isinstance(prediction, dict):
        raise ProviderUnavailable("Replicate returned no valid prediction")
    match prediction.get("status"):
        case "starting":
            return RequestQueued()
        case "processing":
            return RequestRunning(progress=_progress(prediction))
        case "succeeded":
            return _outcome(prediction, request, base_url, response_excerpt(response))
        case "failed" | "canceled" | "aborted":
            return _ended(prediction, request.request_id, response_excerpt(response))
        case status:
            raise ProviderUnavailable(f"the prediction is {status!r}")


def unknown_prediction(request_id: str) -> RequestStopped:
    """Replicate knows no such prediction, or no longer."""
    return RequestStopped(error=_expired(request_id), charged="unknown")


def _progress(prediction: dict[str, Any]) -> Progress:
    """Progress, read from the prediction's log, which only grows."""
    logs = prediction.get("logs")
    text = logs if isinstance(logs, str) else ""
    percents = [int(match[1]) for match in _PERCENT.finditer(text)]
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()][-_KEPT_LINES:]
    at = _time(prediction.get("started_at"))
    return Progress(
        percent=min(99, max(percents)) if percents else None,
        basis="provider" if percents else None,
        logs=[LogLine(at=at, message=line) for line in lines] if at else [],
    )


def _outcome(
    prediction: dict[str, Any], request: Request, base_url: str, excerpt: str
) -> RequestSucceeded | RequestStopped:
    """Outputs of a prediction: one file, several, or several by name, depending on the model."""
    output, note = prediction.get("output"), _note(request.request_id)
    if output in (None, [], {}) and prediction.get("data_removed") is True:
        return RequestStopped(error=_expired(request.request_id), charged="yes", excerpt=excerpt)
    search = Search(
        media=request.media, location=request.location, base_url=base_url, sent=request.sent
    )
    entries = find_outputs(output, search)
    report = error_within({"error": prediction.get("error")}) or error_within(output)
    units = units_in(prediction.get("metrics"))
    return outcome_of(
        entries, job=request.job, note=note, units=units, excerpt=excerpt, report=report
    )


def _ended(prediction: dict[str, Any], request_id: str, excerpt: str) -> RequestStopped:
    status = prediction["status"]
    charged = _billed(prediction)
    if status == "canceled":
        stopped = JobError("stopped on request")
        return RequestStopped(error=stopped, charged=charged, excerpt=excerpt)
    if status == "aborted":
        late = ProviderUnavailable(
            "Replicate gave it up before it began", provider=_note(request_id, "aborted")
        )
        return RequestStopped(error=late, charged=charged, excerpt=excerpt)
    report = error_within({"error": prediction.get("error")})
    error = failure_of(report.text if report else "it failed", _note(request_id))
    return RequestStopped(error=error, charged=charged, excerpt=excerpt)


def _billed(prediction: dict[str, Any]) -> Charged:
    """Whether what did not succeed is paid for: by the outputs it counted; what never ran is free."""
    if prediction.get("started_at") is None:
        return "no"
    metrics = prediction.get("metrics")
    counts = metrics.items() if isinstance(metrics, dict) else ()
    paid = any(n.endswith("_count") and isinstance(v, int | float) and v > 0 for n, v in counts)
    return "yes" if paid else "unknown"


def _expired(request_id: str) -> OutputExpired:
    return OutputExpired(
        "Replicate does not have it, or no longer",
        provider=_note(request_id),
        next_actions=[_PAY_AGAIN],
    )


def _note(request_id: str, code: str | None = None) -> ProviderNote:
    return ProviderNote(name="replicate", request_id=request_id, code=code)


def _time(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)

"""Responses of fal to submissions that it does not accept."""

from typing import Any

from starlette.responses import JSONResponse, Response

_REFUSALS: dict[str, tuple[int, Any, dict[str, str]]] = {
    "401": (401, {"detail": "No user found for Key ID and Secret"}, {}),
    "402": (402, {"detail": "Payment required"}, {}),
    "403_locked": (
        403,
        {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."},
        {},
    ),
    "404": (404, {"detail": "Application not found"}, {}),
    "422": (
        422,
        {"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]},
        {"X-Fal-Request-Id": "r"},
    ),
    "504_user": (
        504,
        {"detail": "Request timed out", "error_type": "request_timeout"},
        {"X-Fal-Request-Timeout-Type": "user", "X-Fal-Error-Type": "request_timeout"},
    ),
    "redirect": (307, {}, {"Location": "http://127.0.0.1:1/elsewhere"}),
}


def refuse(refusal: str, retry_after: str | None) -> Response:
    """A response to a submission that was not accepted."""
    if refusal == "429":
        headers = {"Retry-After": retry_after} if retry_after else {}
        body = {"detail": "Too many requests", "error_type": "concurrent_requests_limit"}
        return JSONResponse(body, 429, headers)
    status, body, headers = _REFUSALS[refusal]
    return JSONResponse(body, status, headers)

"""HTTP conventions of the gateway: path parameters, responses and pagination."""

from typing import Any

from fastapi import Request, Response

from heliograph.contracts.errors import IdempotencyKeyInvalid
from heliograph.contracts.ids import JOB_PATTERN, PROJECT_PATTERN, SLOT_PATTERN
from heliograph.contracts.problems import Problem
from heliograph.contracts.records import Job
from heliograph.runtime.http.params import path_param
from heliograph.runtime.job_view import as_json
from services.gateway.idempotency import validate_key

project_name = path_param(PROJECT_PATTERN)
job_name = path_param(JOB_PATTERN)
slot_name = path_param(SLOT_PATTERN)

Responses = dict[int | str, dict[str, Any]]

PROBLEMS: Responses = {
    "4XX": {"model": Problem, "description": "What is wrong with the request"},
    "5XX": {"model": Problem, "description": "What does not work right now"},
}
ACCEPTED: Responses = {
    200: {"model": Job, "description": "Nothing new: this is the job that was asked for"},
    202: {"model": Job, "description": "Durable: it will end in exactly one final state"},
}


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON as it is: what was built here need not be checked again."""
    return Response(as_json(content), status, headers, media_type="application/json")


def page(items: list[dict[str, Any]]) -> Response:
    """A list that is short enough to be whole."""
    return answer({"items": items, "next": None})


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Raises IdempotencyKeyInvalid."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1:
        raise IdempotencyKeyInvalid
    return validate_key(keys[0])

"""Error responses in the OpenAPI document: the codes of each status, each with an example."""

from typing import Any

from heliograph.contracts.errors import (
    BodyTooLarge,
    Forbidden,
    HeliographError,
    InsufficientScope,
    MalformedRequest,
    Misdirected,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
    every_error,
)
from heliograph.contracts.problems import Problem

Document = dict[str, Any]
Responses = dict[int | str, Document]
Errors = tuple[type[HeliographError], ...]

MEDIA_TYPE = "application/problem+json"

#: what every route may respond with
_ANYWHERE: Errors = (
    Unauthenticated,
    InsufficientScope,
    NotFound,
    ValidationFailed,
    Misdirected,
    HeliographError,
    Unavailable,
)

#: what a route that takes a body may respond with beside that
OF_A_BODY: Errors = (MalformedRequest, BodyTooLarge, Forbidden)

_RETRY_AFTER: Document = {
    "Retry-After": {
        "description": "Seconds to wait before the next attempt",
        "schema": {"type": "integer", "minimum": 0},
    }
}
RATE_LIMIT: Document = {
    "RateLimit-Policy": {
        "description": "Quotas that apply to the request: number (`q`) per window in seconds (`w`)",
        "schema": {"type": "string", "examples": ['"jobs";q=1000', '"requests-user";q=10;w=60']},
    },
    "RateLimit": {
        "description": "Remaining number (`r`), and seconds until more is available (`t`)",
        "schema": {"type": "string", "examples": ['"jobs";r=0;t=1', '"requests-user";r=4;t=31']},
    },
}


def problems(*errors: type[HeliographError], model: Any = Problem) -> Responses:
    """
    The responses of a route: these errors, and those of every route.

    Args:
        model: Of the body.
    """
    by_status: dict[int, list[type[HeliographError]]] = {}
    for error in dict.fromkeys([*errors, *_ANYWHERE]):
        by_status.setdefault(error.status or 500, []).append(error)
    return {status: _response(by_status[status], model) for status in sorted(by_status)}


def _response(errors: list[type[HeliographError]], model: Any) -> Document:
    examples = {each.code: {"$ref": f"#/components/examples/{each.code}"} for each in errors}
    response: Document = {
        "description": "\n".join(f"* `{each.code}`: {each.title()}" for each in errors),
        "model": model,
        "content": {MEDIA_TYPE: {"examples": examples}},
    }
    if headers := _headers(errors):
        response["headers"] = headers
    return response


def _headers(errors: list[type[HeliographError]]) -> Document:
    waits = any(each.status in (429, 503) for each in errors)
    is_limited = any(issubclass(each, QuotaExceeded) for each in errors)
    return {**(_RETRY_AFTER if waits else {}), **(RATE_LIMIT if is_limited else {})}


def complete(document: Document) -> None:
    """Give problems their media type, as FastAPI knows only that of the route, examples, and all codes."""
    codes: set[str] = set()
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["responses"] = dict(sorted(operation["responses"].items()))
        for response in operation["responses"].values():
            content = response.get("content", {})
            if MEDIA_TYPE in content:
                [as_fastapi_says] = content.keys() - {MEDIA_TYPE}
                content[MEDIA_TYPE] |= content.pop(as_fastapi_says)
                codes |= set(content[MEDIA_TYPE]["examples"])
    tree = (error for error in every_error() if error.__module__ == HeliographError.__module__)
    known = {error.code: error for error in reversed([*tree])}  # the parent has the word
    document["components"]["examples"] = {code: _example(known[code]) for code in sorted(codes)}
    problem = document["components"]["schemas"][Problem.__name__]["properties"]
    problem["code"]["examples"] = sorted(known)  # an enum would exclude later codes


def _example(error: type[HeliographError]) -> Document:
    made = error(retry_after=1 if error.status in (429, 503) else None)
    if error is ValidationFailed:
        made = ValidationFailed.at("/query/colour", "Extra inputs are not permitted")
    value = made.problem(instance="/v1/…").model_dump(mode="json")
    return {"summary": error.title(), "value": value}

"""HTTP conventions of the gateway: headers, responses and pagination."""

from typing import Annotated, Any

from fastapi import Header, Response

from heliograph.contracts.errors import (
    IdempotencyKeyInvalid,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    ModelLocked,
    ModelUnavailable,
    NotFound,
    OverBudget,
    OverMaxCost,
    PriceUnknown,
    QueueFull,
    QuoteExpired,
    SlotBusy,
    StateConflict,
    TooManyJobs,
    TooManyRequests,
    Unavailable,
    UnknownKind,
    UnknownModel,
    Unreadable,
)
from heliograph.contracts.jobs import Job
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import OF_A_BODY, RATE_LIMIT, Errors, Responses
from heliograph.runtime.http.validation import IDEMPOTENCY_KEY

#: what reading something by its name may be refused with
OF_A_READ: Errors = (NotFound, Unavailable, Unreadable)

#: what a change of something by its name may be refused with
OF_A_CHANGE: Errors = (*OF_A_BODY, *OF_A_READ, QueueFull)

#: what a request for a job may be refused with, however it is made
OF_A_JOB: Errors = (
    *OF_A_CHANGE,
    IdempotencyKeyRequired,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    UnknownKind,
    UnknownModel,
    OverMaxCost,
    OverBudget,
    PriceUnknown,
    QuoteExpired,
    ModelLocked,
    SlotBusy,
    StateConflict,
    TooManyJobs,
    TooManyRequests,
    ModelUnavailable,
)

_TEXT = {"schema": {"type": "string"}}
LOCATION = {"Location": {**_TEXT, "description": "URL of the resource"}}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` if the Idempotency-Key was used before; nothing new was created",
        "schema": {"const": "true", "type": "string"},
    }
}
NEXT_PAGE = {"Link": {**_TEXT, "description": 'URL of the next page: `<url>; rel="next"`'}}

ACCEPTED: Responses = {
    200: {
        "model": Job,
        "description": "The open job of the slot, which has the same input; no new job was created",
        "headers": {**LOCATION, **REPLAYED, **RATE_LIMIT},
    },
    202: {
        "description": (
            "The job is stored durably and will end in exactly one final state. A repeated "
            "Idempotency-Key returns the job it created"
        ),
        "headers": {**LOCATION, **REPLAYED, **RATE_LIMIT},
    },
}


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        description=(
            "Identifies the request. A repetition with the same body returns the result of the "
            "first one and creates nothing new. Required if the request may cost money."
        ),
        pattern=r"^[\x21-\x7E]{1,255}$",
        examples=["order-4711"],
    ),
]

TraceParent = Annotated[
    str | None,
    Header(
        description="W3C Trace Context; the job's events carry it. Ignored if malformed.",
        examples=["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    ),
]


def page(items: list[dict[str, Any]]) -> Response:
    """A list that is short enough to be whole."""
    return json_response({"items": items, "next": None})

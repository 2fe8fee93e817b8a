"""
Routes as strict as our contract: bounded bodies of strict JSON, queries without unknown or repeated names.

FastAPI reads a body of any size and any JSON, waits for it for ever, validates it on the event loop,
and lets unknown names of a query pass. Here a body is read and validated before FastAPI asks for it,
so that FastAPI, which leaves an instance of the right model as it is, validates nothing twice.
"""

from collections.abc import Callable
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel

from heliograph.contracts.errors import (
    HeliographError,
    IdempotencyKeyInvalid,
    ValidationFailed,
)
from heliograph.runtime.http.access import Handler, ScopedRoute
from heliograph.runtime.http.bodies import MAX_BODY, read_body
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.validation import (
    IDEMPOTENCY_KEY,
    query_pointer,
    reject_unstorable,
    validate_as,
)

MAX_BYTES = "x-max-bytes"  #: of a documented body; a larger one is answered with 413


class StrictRoute(ScopedRoute):
    """A route whose body is a model, or that takes the bytes of its request itself."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self.body_field:
            self.openapi_extra = {**(self.openapi_extra or {}), "requestBody": size_of(MAX_BODY)}

    def get_unchecked_handler(self) -> Handler:
        handle = super().get_unchecked_handler()
        takes_query = bool(self.dependant.query_params)
        takes_key = any(each.alias == IDEMPOTENCY_KEY for each in self.dependant.header_params)
        model = cast(
            "type[BaseModel] | None", self.body_field and self.body_field.field_info.annotation
        )

        async def handle_strictly(request: Request) -> Response:
            check_query(request, is_taken=takes_query)
            if takes_key and len(request.headers.getlist(IDEMPOTENCY_KEY)) > 1:
                raise IdempotencyKeyInvalid
            if model is None:
                return await handle(request)
            content, refusal = await _read(request, model)
            try:
                return await handle(_RequestWithBody(request, content))
            except RequestValidationError as failed:
                if refusal and all(each["loc"][0] == "body" for each in failed.errors()):
                    raise refusal from None
                raise  # a mistake before the body is reported first

        return handle_strictly


def create_router(tag: str, *, prefix: str = "/v1") -> APIRouter:
    """A router of strict routes. A route with problems of its own lists them: see `problems`."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=StrictRoute,
        responses=problems(),
        strict_content_type=False,
    )


def size_of(limit: int) -> dict[str, Any]:
    """OpenAPI of a body with so many bytes at most."""
    return {"description": f"At most {limit} bytes", MAX_BYTES: limit}


class _NoQuery(BaseModel, extra="forbid"):
    """The query of a resource that takes none."""


def check_query(request: Request, *, is_taken: bool) -> None:
    """
    Raises:
        ValidationFailed: A name is given twice, or is unknown, or a value is not text.
    """
    if not request.scope["query_string"]:
        return
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        reject_unstorable({name: value}, "/query")
        if name in query:
            raise ValidationFailed.at(query_pointer([name]), "given more than once")
        query[name] = value
    if not is_taken:
        validate_as(query, _NoQuery, query_pointer)


async def _read(
    request: Request, model: type[BaseModel]
) -> tuple[BaseModel | None, HeliographError | None]:
    """The body, or why it is refused."""
    try:
        return await read_body(request, model), None
    except HeliographError as error:
        return None, error


class _RequestWithBody(Request):
    """A request whose body was read. It has no Content-Type: JSON is taken by whatever name it comes."""

    def __init__(self, request: Request, content: BaseModel | None) -> None:
        headers = [each for each in request.scope["headers"] if each[0] != b"content-type"]
        super().__init__({**request.scope, "headers": headers}, request.receive)
        self._content = content

    async def body(self) -> bytes:
        return b"read"  # FastAPI asks only whether it is empty

    async def json(self) -> BaseModel | None:
        return self._content

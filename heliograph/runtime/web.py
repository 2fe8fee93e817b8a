"""The manners of our HTTP: problems for every error, bodies read with care, strict queries."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from heliograph.contracts.errors import (
    BodyTooLarge,
    HeliographError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    RequestError,
    ValidationFailed,
)
from heliograph.contracts.names import matches
from heliograph.contracts.problems import FieldError, Problem
from heliograph.runtime.settings import ServiceSettings

log = structlog.get_logger()

MAX_BODY = 1024 * 1024  #: bytes of a JSON body
MAX_DEPTH = 64  #: levels of nesting in a body
BODY_PATIENCE = 10.0  #: seconds for a body to arrive; the server itself waits for ever

Shape = TypeVar("Shape", bound=BaseModel)


def create_web(settings: ServiceSettings, title: str, **options: Any) -> FastAPI:
    """An empty application with our manners."""
    app = FastAPI(title=title, redoc_url=None, **options)
    app.add_exception_handler(HeliographError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_bug)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["Location", "Link", "Idempotency-Replayed", "Retry-After"],
        )
    return app


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """A problem as an answer."""
    if problem.retry_after is not None:
        headers = {**(headers or {}), "Retry-After": str(math.ceil(problem.retry_after))}
    return JSONResponse(
        problem.model_dump(mode="json"),
        status_code=problem.status or 500,
        headers=headers,
        media_type="application/problem+json",
    )


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HeliographError)
    if error.status == 503 and error.retry_after is None:
        error.retry_after = 1
    return problem_response(error.problem(instance=request.scope["path"]))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind: dict[int, type[HeliographError]] = {
        404: NotFound,
        405: MethodNotAllowed,
        413: BodyTooLarge,
    }
    known = kind.get(error.status_code)
    if known:
        problem = known().problem(instance=request.scope["path"])
    else:
        problem = RequestError(str(error.detail)).problem(instance=request.scope["path"])
        problem = problem.model_copy(update={"status": error.status_code})
    return problem_response(problem, dict(error.headers or {}))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    failed = ValidationFailed(errors=[_field_error(e) for e in error.errors()])
    return problem_response(failed.problem(instance=request.scope["path"]))


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("Unexpected error", path=request.scope["path"], exc_info=error)
    return problem_response(HeliographError().problem(instance=request.scope["path"]))


async def read_body(request: Request, shape: type[Shape]) -> Shape:
    """
    The request's body, checked.

    Raises:
        MalformedRequest: It is empty, not JSON, or too slow.
        BodyTooLarge: It has more than `MAX_BODY` bytes.
        ValidationFailed: It is not of this shape; `errors` say where.
    """
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            body = await _receive(request)
    except TimeoutError:
        raise MalformedRequest(f"The body did not arrive within {BODY_PATIENCE:g} s.") from None
    return check(body, shape)


async def _receive(request: Request) -> bytes:
    """The body, never more than we take of it, whatever length it announces."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MAX_BODY:
        raise BodyTooLarge(f"at most {MAX_BODY} bytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise BodyTooLarge(f"at most {MAX_BODY} bytes")
    return bytes(body)


def check(body: bytes, shape: type[Shape]) -> Shape:
    """JSON as a shape; every mistake has a pointer from the root of the body."""
    content = _parse(body)
    if not isinstance(content, dict):
        raise ValidationFailed.at("", "the body must be a JSON object")
    for pointer, reason in _unspeakable(content):
        raise ValidationFailed.at(pointer, reason)
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        errors = [_field_error(dict(e)) for e in error.errors(include_context=False)]
        detail = "; ".join(f"{e.pointer}: {e.detail}" for e in errors[:5])
        raise ValidationFailed(detail, errors=errors) from None


def _parse(body: bytes) -> Any:
    if not body.strip():
        raise MalformedRequest("The body is empty.")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValidationFailed.at("", f"more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise MalformedRequest(f"The body is not JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unspeakable(value: Any, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """What JSON can say and we cannot keep: NUL, lone surrogates, infinity, endless nesting."""
    if depth > MAX_DEPTH:
        yield "", f"more than {MAX_DEPTH} levels deep"
    elif isinstance(value, str):
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            yield pointer, "NUL and lone surrogates are not text"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield pointer, "not a finite number"
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _unspeakable(name, pointer, depth + 1)
            yield from _unspeakable(member, f"{pointer}/{_escape(name)}", depth + 1)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _unspeakable(member, f"{pointer}/{index}", depth + 1)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _field_error(error: Any) -> FieldError:
    path = "".join(f"/{_escape(str(part))}" for part in error["loc"] if part != "[key]")
    return FieldError(pointer=path.removeprefix("/body"), detail=str(error["msg"]))


def read_query(request: Request, shape: type[Shape], *, prefixes: tuple[str, ...] = ()) -> Shape:
    """
    The query, checked: nothing unknown, nothing twice. `tag.show=s1` becomes `tag: {"show": "s1"}`
    for each of `prefixes`.

    Raises:
        ValidationFailed: The pointer is `/query/<name>`.
    """
    query: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        prefix, dot, rest = name.partition(".")
        target, key = (
            (query.setdefault(prefix, {}), rest) if dot and prefix in prefixes else (query, name)
        )
        if key in target:
            raise ValidationFailed.at(f"/query/{name}", "given more than once")
        target[key] = value
    for pointer, reason in _unspeakable(query, "/query"):
        raise ValidationFailed.at(pointer, reason)
    try:
        return shape.model_validate(query)
    except ValidationError as error:
        errors = [
            FieldError(pointer=f"/query/{_query_name(e['loc'], prefixes)}", detail=e["msg"])
            for e in error.errors(include_context=False)
        ]
        detail = "; ".join(f"{e.pointer}: {e.detail}" for e in errors[:5])
        raise ValidationFailed(detail, errors=errors) from None


def _query_name(path: tuple[int | str, ...], prefixes: tuple[str, ...]) -> str:
    parts = [str(part) for part in path if part != "[key]"]
    return ".".join(parts[:2]) if parts and parts[0] in prefixes else str(parts[0]) if parts else ""


class NoQuery(BaseModel, extra="forbid"):
    """A resource that takes no query."""


def no_query(request: Request) -> None:
    """Dependency of routes without a query."""
    read_query(request, NoQuery)


def named(pattern: str) -> Callable[[str], str]:
    """A check for names in paths: what is not of the grammar does not exist."""

    def check_name(name: str) -> str:
        if not matches(pattern, name):
            raise NotFound
        return name

    return check_name

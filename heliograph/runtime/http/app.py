"""FastAPI application factory: RFC 9457 problems, CORS, and checks of host and origin."""

import math
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from heliograph.contracts.close_codes import FORBIDDEN
from heliograph.contracts.errors import (
    BodyTooLarge,
    Forbidden,
    HeliographError,
    MethodNotAllowed,
    Misdirected,
    NotFound,
    QuotaExceeded,
    RequestError,
    Unauthenticated,
)
from heliograph.contracts.problems import Problem
from heliograph.runtime.http.access import AccessCheck, OpenAccess, set_access
from heliograph.runtime.http.cors import PageCors
from heliograph.runtime.http.docs_page import add_docs_page
from heliograph.runtime.http.hosts import HostAllowList
from heliograph.runtime.http.openapi import DocumentedApi, operation_id
from heliograph.runtime.http.problem_responses import MEDIA_TYPE
from heliograph.runtime.http.validation import refusal_of
from heliograph.runtime.settings import ServiceSettings

log = structlog.get_logger()

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  #: methods that change nothing
_MAX_CLOSE_REASON = 100  #: characters, of 123 bytes that a close frame has room for
_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})  #: for probes, which use any host name
_UNTRACED = _OPEN | {"/v1/events"}  #: and streams, which last as long as their clients
#: FastAPI's own, which does nothing unless traces are exported. Its logs would quote requests
_TELEMETRY: TelemetryConfig = {
    "auto_configure": False,
    "logs": False,
    "metrics": False,
    "operation_spans": False,
    "exclude": lambda scope: scope["type"] != "http" or scope["path"] in _UNTRACED,
}


def create_web(
    settings: ServiceSettings, title: str, *, access: AccessCheck | None = None, **options: Any
) -> FastAPI:
    """
    An application without routes, with our error handlers and checks of host and origin.

    Its routes are checked by `access`; null: by nothing.
    """
    app = DocumentedApi(
        keyed=settings.auth == "keys",
        title=title,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        generate_unique_id_function=operation_id,
        telemetry=_TELEMETRY,
        **options,
    )
    set_access(app, access or OpenAccess())
    if settings.docs:
        add_docs_page(app)
    app.add_exception_handler(HeliographError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_bug)
    allowed = HostAllowList(settings)
    app.add_middleware(PageCors, allowed=allowed)
    app.add_middleware(_HostCheckMiddleware, allowed=allowed)  # last: runs first
    return app


class _HostCheckMiddleware:
    """Refuses requests to a host name that is not ours, and changes by pages of other origins."""

    def __init__(self, app: ASGIApp, allowed: HostAllowList) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not (error := self._objection(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket" and "origin" in Headers(scope=scope):
            await _close_accepted(error, scope, receive, send)
        else:
            await problem_response(error.problem(instance=scope["path"]))(scope, receive, send)

    def _objection(self, scope: Scope) -> HeliographError | None:
        headers, path = Headers(scope=scope), scope["path"]
        port = (scope.get("server") or (None, None))[1]
        host = headers.get("host", "")
        if path not in _OPEN and not self._allowed.is_allowed_host(host, port):
            return Misdirected(f"{host!r} is not among the names of this service")
        is_act = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if is_act and not self._allowed.is_allowed_origin(headers.get("origin"), port):
            return Forbidden()
        return None


async def _close_accepted(
    error: HeliographError, scope: Scope, receive: Receive, send: Send
) -> None:
    """Refuse a WebSocket of a page: a browser shows it the code of a close, and no HTTP status."""
    await receive()  # "websocket.connect"
    offered = scope.get("subprotocols") or [None]  # a browser fails where none of its own is chosen
    await send({"type": "websocket.accept", "subprotocol": offered[0]})
    reason = error.title()[:_MAX_CLOSE_REASON]
    await send({"type": "websocket.close", "code": FORBIDDEN, "reason": reason})


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """A problem as a response."""
    if problem.retry_after is not None:
        headers = {**(headers or {}), "Retry-After": str(math.ceil(problem.retry_after))}
    return JSONResponse(
        problem.model_dump(mode="json"),
        status_code=problem.status or 500,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HeliographError)
    headers = _headers_of(error)
    problem = error.problem(instance=request.scope["path"])
    if problem.status == 503:
        log.warning(
            "Request not served", path=problem.instance, code=problem.code, reason=str(error)
        )
        if problem.retry_after is None:
            problem = problem.model_copy(update={"retry_after": 1.0})
    return problem_response(problem, headers)


def _headers_of(error: HeliographError) -> dict[str, str] | None:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    return _rate_limit(error) if isinstance(error, QuotaExceeded) else None


def _rate_limit(error: QuotaExceeded) -> dict[str, str]:
    """Header value in the format of draft-ietf-httpapi-ratelimit-headers-11."""
    name, wait = f'"{error.policy}"', math.ceil(error.retry_after or 0)
    window = f";w={error.window}" if error.window else ""
    return {
        "RateLimit-Policy": f"{name};q={error.limit}{window}",
        "RateLimit": f"{name};r=0;t={wait}",
    }


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind: dict[int, type[HeliographError]] = {
        404: NotFound,
        405: MethodNotAllowed,
        413: BodyTooLarge,
    }
    known = kind.get(error.status_code)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    if known:
        problem = known().problem(instance=request.scope["path"])
    else:
        problem = RequestError(str(error.detail)).problem(instance=request.scope["path"])
        problem = problem.model_copy(update={"status": error.status_code})
    return problem_response(problem, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Methods of all routes with this path: FastAPI lists only those of the first one."""
    routes = iter_route_contexts(request.app.routes)
    matching = (r.methods or () for r in routes if r.matches(request.scope)[0] != Match.NONE)
    return sorted({method for methods in matching for method in methods})


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await _on_error(request, refusal_of(error.errors()))


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("Unexpected error", path=request.scope["path"], exc_info=error)
    return problem_response(HeliographError().problem(instance=request.scope["path"]))

"""Health: whether the process lives, and which of its dependencies respond, each by name."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics, generate_latest
from pydantic import BaseModel, Field

from heliograph.contracts.errors import InsufficientScope, Unauthenticated, Unavailable
from heliograph.runtime.background import check_loops
from heliograph.runtime.http.access import ScopedRoute, has_scope, needs, public
from heliograph.runtime.http.problem_responses import Responses, problems

#: A check returns when the dependency responds, and raises with the reason when it does not.
Check = Callable[[], Awaitable[None]]

#: Warnings for the operator while the service works.
Warnings = Callable[[], Awaitable[list[dict[str, Any]]]]

TIMEOUT = 2.0  #: seconds a dependency has to respond
STANDSTILL = 10.0  #: seconds without a step, while there is something to be read


_BUG: Responses = {500: problems()[500]}
_CLOSED: Responses = {
    status: problems(Unauthenticated, InsufficientScope)[status] for status in (401, 403, 503)
}


class Health(BaseModel):
    """Liveness of the process."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether a service can work, and why not."""

    status: Literal["ok", "unavailable"]
    dependencies: dict[str, str] = Field(description="`ok` or the problem, per dependency")
    warnings: list[dict[str, Any]] = Field(
        default_factory=list, description="Warnings for the operator; the service works"
    )
    unusable_providers: dict[str, str] = Field(
        default_factory=dict, description="Unusable providers with the reason"
    )
    ends_within_seconds: float | None = Field(
        default=None, description="Maximum seconds from SIGTERM to the end of the process"
    )


class Standstill:
    """
    A check of a reader: whether it makes progress while there is something to be read.

    Args:
        position: How far it has read.
        end: How far there is something to be read.
    """

    def __init__(
        self, position: Callable[[], Awaitable[int]], end: Callable[[], Awaitable[int]]
    ) -> None:
        self._position = position
        self._end = end
        self._seen = -1
        self._since = 0.0

    async def __call__(self) -> None:
        """Raises Unavailable."""
        position, end, clock = await self._position(), await self._end(), time.monotonic()
        if position != self._seen or position >= end:
            self._seen, self._since = position, clock
        elif clock - self._since > STANDSTILL:
            raise Unavailable(f"no progress at {position} of {end}")


def add_health(
    app: FastAPI,
    checks: Mapping[str, Check],
    *,
    unusable: Mapping[str, str] | None = None,
    warnings: Warnings | None = None,
    ends_within: Callable[[], float] | None = None,
    open_metrics: bool = False,
) -> None:
    """
    `/healthz`, `/readyz` and `/metrics`.

    Args:
        unusable: Unusable providers, each with the reason. A service without
            them is ready all the same.
        warnings: Messages that cannot be read, and are skipped. A service with some is ready, too.
            They name projects and jobs: with keys, holders of `admin` see them.
        ends_within: Seconds that the process may need to end after SIGTERM.
        open_metrics: Everybody reads `/metrics`; else it needs `metrics:read`, with keys.
    """
    app.include_router(_health_route())
    app.include_router(
        _readiness_route({**checks, "loops": check_loops}, unusable, warnings, ends_within)
    )
    app.include_router(_metrics_route(is_open=open_metrics))


def _health_route() -> APIRouter:
    router = APIRouter(tags=["operation"], route_class=ScopedRoute)

    @router.get(
        "/healthz",
        response_description="The process is alive",
        responses=_BUG,
        summary="Liveness of the process",
    )
    @public
    async def get_health() -> Health:
        return Health()

    return router


def _readiness_route(
    checks: Mapping[str, Check],
    unusable: Mapping[str, str] | None,
    warnings: Warnings | None,
    ends_within: Callable[[], float] | None,
) -> APIRouter:
    router = APIRouter(tags=["operation"], route_class=ScopedRoute)

    @router.get(
        "/readyz",
        response_model=Readiness,
        response_description="All dependencies respond",
        responses={
            503: {"model": Readiness, "description": "Some dependencies do not respond"},
            **_BUG,
        },
        summary="Readiness: every dependency responds",
    )
    @public
    async def get_readiness(request: Request) -> Response:
        report = await _results(checks)
        ready = all(result == "ok" for result in report.values())
        body: dict[str, Any] = {"status": "ok" if ready else "unavailable", "dependencies": report}
        if warnings is not None and await has_scope(request, "admin"):
            body["warnings"] = await _listed_warnings(warnings)
        if unusable is not None:
            body["unusable_providers"] = dict(unusable)
        if ends_within is not None:
            body["ends_within_seconds"] = ends_within()
        return JSONResponse(body, status_code=200 if ready else 503)

    return router


def _metrics_route(*, is_open: bool) -> APIRouter:
    # when each counter began: as many series again
    disable_created_metrics()  # type: ignore[no-untyped-call]
    router = APIRouter(tags=["operation"], route_class=ScopedRoute)

    @router.get(
        "/metrics",
        response_class=PlainTextResponse,
        response_description="Metrics in the Prometheus exposition format",
        responses={**_BUG, **({} if is_open else _CLOSED)},
        summary="Prometheus metrics",
    )
    @(public if is_open else needs("metrics:read"))
    async def get_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _listed_warnings(warnings: Warnings) -> list[dict[str, Any]]:
    """The warnings that can be read; a dependency that does not respond is reported already."""
    try:
        async with asyncio.timeout(TIMEOUT):
            return await warnings()
    except (TimeoutError, Unavailable):
        return []


async def _results(checks: Mapping[str, Check]) -> dict[str, str]:
    results = await asyncio.gather(*(_result(check) for check in checks.values()))
    return dict(zip(checks, results, strict=True))


async def _result(check: Check) -> str:
    try:
        async with asyncio.timeout(TIMEOUT):
            await check()
    except TimeoutError:
        return f"no response within {TIMEOUT:g} s"
    except Exception as error:  # noqa: BLE001  # whatever is wrong is the result
        return str(error) or type(error).__name__
    return "ok"

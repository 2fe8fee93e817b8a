"""Health: whether the process lives, and which of its dependencies answer, each by name."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

#: A check returns when the dependency answers, and raises with the reason when it does not.
Check = Callable[[], Awaitable[None]]

PATIENCE = 2.0  #: seconds a dependency has to answer


def add_health(
    app: FastAPI, checks: Mapping[str, Check], *, unusable: Mapping[str, str] | None = None
) -> None:
    """
    `/healthz`, `/readyz` and `/metrics`.

    Args:
        unusable: Providers that nothing can be asked of, each with the reason. A service without
            them is ready all the same.
    """
    router = APIRouter(tags=["operation"])

    @router.get("/healthz", summary="The process is alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Every dependency answers")
    async def readyz() -> Response:
        answers = await asyncio.gather(*(_answer(check) for check in checks.values()))
        report = dict(zip(checks, answers, strict=True))
        ready = all(answer == "ok" for answer in answers)
        body: dict[str, Any] = {"status": "ok" if ready else "unavailable", "dependencies": report}
        if unusable is not None:
            body["unusable_providers"] = dict(unusable)
        return JSONResponse(body, status_code=200 if ready else 503)

    @router.get("/metrics", summary="Figures for Prometheus")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    app.include_router(router)


async def _answer(check: Check) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await check()
    except TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except Exception as error:  # noqa: BLE001  # whatever is wrong is the answer
        return str(error) or type(error).__name__
    return "ok"

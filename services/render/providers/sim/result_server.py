"""Result server of the sim provider: `/sim/{request_id}/{index}`, computed from the record."""

import asyncio
import re
from collections.abc import AsyncIterator

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from heliograph.contracts.errors import NotFound, Unavailable
from heliograph.contracts.sim import SimRecord
from heliograph.runtime.http.access import ScopedRoute, public
from services.render.providers.sim import SimProvider
from services.render.providers.sim.results import draw_result

_NAME = re.compile(r"sim_[0-7][0-9A-HJKMNP-TV-Z]{25}_\d{1,19}")
_HUGE = 5 * 10**9  #: bytes, announced and never sent
_DRAWING = asyncio.Semaphore(2)  #: pictures drawn at the same time; the machine has other work


def sim_routes(sim: SimProvider) -> APIRouter:
    """Routes of the sim's results."""
    router = APIRouter(include_in_schema=False, route_class=ScopedRoute)

    @router.get("/sim/{name}/{index}")
    @public
    async def output(name: str, index: int) -> Response:
        record = sim.records.find(name) if _NAME.fullmatch(name) else None
        if record is None or not 0 <= index < 4:
            raise NotFound
        match record.fault:
            case "wrong_type":
                page = b"<!doctype html><script>alert('not a picture')</script>"
                return Response(page, media_type="image/png")
            case "huge":
                headers = {"Content-Length": str(_HUGE)}
                return StreamingResponse(_nothing(), headers=headers, media_type="image/png")
            case "flaky_download" if sim.records.count(f"{name}.{index}.downloads", 3):
                raise Unavailable("the sim was told to be flaky")
        media_type, content = await _result(record, index)
        return Response(content, media_type=media_type)

    return router


async def _result(record: SimRecord, index: int) -> tuple[str, bytes]:
    """Media type and bytes of a result. A text is written at once; a thread would take longer."""
    described = record.model_dump_json()
    if record.model == "sim/text":
        return draw_result(described, index)
    async with _DRAWING:
        return await asyncio.to_thread(draw_result, described, index)


async def _nothing() -> AsyncIterator[bytes]:
    yield b"\x89PNG\r\n\x1a\n"
    await asyncio.sleep(30)

"""A client goes on following, whatever stands between it and the next event."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from heliograph.contracts.errors import HeliographError, Unavailable, ValidationFailed
from heliograph.contracts.live import SUBPROTOCOL
from heliograph.failures import Refused
from heliograph.live import Cursor, following

PROGRESS = {"op": "progress", "job": "job_1", "phase": "rendering", "progress": {}, "logs": []}


@asynccontextmanager
async def _status(*answers: dict[str, Any]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Something that answers each subscription with one frame. Yields its address, and what it heard."""
    left, heard = list(answers), []

    async def converse(socket: ServerConnection) -> None:
        heard.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(left.pop(0)))
        await socket.wait_closed()

    async with serve(converse, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/live", heard


def _error(error: HeliographError) -> dict[str, Any]:
    return {"op": "error", "id": 1, "problem": error.problem().model_dump(mode="json")}


@pytest.mark.timeout(30)
async def test_what_cannot_be_served_right_now_is_asked_for_again() -> None:
    after = Cursor("epoch", 7)
    async with (
        _status(_error(Unavailable("the log is away")), PROGRESS) as (address, heard),
        following(address, "demo", after=after) as events,
    ):
        event = await anext(events)

    assert event.about == "job_1"
    assert [frame["after"] for frame in heard] == [{"epoch": "epoch", "sequence": 7}] * 2


@pytest.mark.timeout(30)
async def test_what_is_refused_for_good_is_an_error_of_the_client() -> None:
    async with _status(_error(ValidationFailed("no such project"))) as (address, _):
        with pytest.raises(Refused, match="no such project"):
            async with following(address, "demo") as events:
                await anext(events)

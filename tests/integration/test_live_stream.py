"""A client goes on following, whatever stands between it and the next event."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from heliograph import live_connection
from heliograph.client_errors import (
    AddressRefused,
    ConnectionFailed,
    LiveClosed,
    RequestRejected,
    WaitedTooLong,
)
from heliograph.contracts.errors import HeliographError, Unavailable, ValidationFailed
from heliograph.contracts.live_frames import SUBPROTOCOL
from heliograph.live_connection import Link
from heliograph.live_stream import ResumeCursor, following
from tests.support.servers import free_port

PROGRESS = {"op": "progress", "job": "job_1", "phase": "rendering", "progress": {}, "logs": []}


@asynccontextmanager
async def _status(*frames: dict[str, Any]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Something that answers each subscription with one frame. Yields its address, and what it heard."""
    left, heard = list(frames), []

    async def converse(socket: ServerConnection) -> None:
        heard.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(left.pop(0)))
        await socket.wait_closed()

    async with serve(converse, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/live", heard


def _error(error: HeliographError) -> dict[str, Any]:
    return {"op": "error", "id": 1, "problem": error.problem().model_dump(mode="json")}


async def test_a_subscription_that_cannot_be_served_is_retried() -> None:
    after = ResumeCursor("epoch", 7)
    async with (
        _status(_error(Unavailable("the log is away")), PROGRESS) as (address, heard),
        following(address, "demo", after=after) as events,
    ):
        event = await anext(events)

    assert event.about == "job_1"
    assert [frame["after"] for frame in heard] == [{"epoch": "epoch", "sequence": 7}] * 2


async def test_what_is_refused_for_good_is_an_error_of_the_client() -> None:
    async with _status(_error(ValidationFailed("no such project"))) as (address, _):
        with pytest.raises(RequestRejected, match="no such project"):
            async with following(address, "demo") as events:
                await anext(events)


# -- what ends it


@asynccontextmanager
async def _closing(*codes: int) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A service that hears one frame of each connection, and closes it; the last one it answers."""
    left, heard = list(codes), []

    async def converse(socket: ServerConnection) -> None:
        heard.append(json.loads(await socket.recv()))
        if left:
            await socket.close(left.pop(0), "so it is")
        else:
            await socket.send(json.dumps(PROGRESS))
            await socket.wait_closed()

    async with serve(converse, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/live", heard


@pytest.mark.parametrize("code", [1003, 1008, 1009, 4403])
async def test_a_close_that_does_not_get_better_is_an_error(code: int) -> None:
    async with _closing(code) as (address, heard):
        with pytest.raises(LiveClosed, match=f"{code}: so it is") as closed:
            async with following(address, "demo") as events:
                await anext(events)

    assert (closed.value.code, len(heard)) == (code, 1)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 4408])
async def test_a_close_that_passes_is_followed_by_another_connection(code: int) -> None:
    async with _closing(code) as (address, heard), following(address, "demo") as events:
        assert (await anext(events)).about == "job_1"

    assert len(heard) == 2


async def test_a_ticket_that_is_refused_is_replaced_once() -> None:
    tickets = iter("abcd")

    async def ticket() -> str:
        return next(tickets)

    async with (
        _closing(4401) as (address, heard),
        following(Link(address, ticket=ticket), "demo") as events,
    ):
        assert (await anext(events)).about == "job_1"
    assert [frame["ticket"] for frame in heard] == ["a", "b"]

    async with _closing(4401, 4401) as (address, heard):
        with pytest.raises(LiveClosed, match="4401"):
            async with following(Link(address, ticket=ticket), "demo") as events:
                await anext(events)


async def test_without_a_ticket_to_renew_it_is_over_at_once() -> None:
    async with _closing(4401) as (address, heard):
        with pytest.raises(LiveClosed, match="4401"):
            async with following(address, "demo") as events:
                await anext(events)

    assert len(heard) == 1


async def test_following_ends_when_its_time_is_over() -> None:
    async with _status({"op": "pong"}) as (address, _):
        with pytest.raises(WaitedTooLong, match="not finished after"):
            async with following(address, "demo", timeout=0.2) as events:
                await anext(events)


async def test_a_service_that_stays_away_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_connection, "_GIVE_UP_AFTER", 0.3)
    address = f"ws://127.0.0.1:{free_port()}/v1/live"

    with pytest.raises(ConnectionFailed, match=address):
        async with following(address, "demo") as events:
            await anext(events)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8081/v1/live", "ws://", "127.0.0.1:8081"])
async def test_an_address_of_no_live_service_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        async with following(address, "demo") as events:
            await anext(events)


async def test_an_error_names_the_response_of_a_page_that_is_not_a_live_service() -> None:
    async def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.NOT_FOUND, "nothing here")

    async with serve(_nothing, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LiveClosed, match="404"):
            async with following(f"ws://127.0.0.1:{port}", "demo") as events:
                await anext(events)


async def _nothing(socket: ServerConnection) -> None:
    await socket.wait_closed()


# -- many jobs


@asynccontextmanager
async def _snapshots() -> AsyncIterator[tuple[str, list[list[str]]]]:
    """A service that tells progress of each subscription. Yields its address, and the jobs it heard."""
    heard: list[list[str]] = []

    async def converse(socket: ServerConnection) -> None:
        async for text in socket:
            assert len(text) <= 16 * 1024
            frame = json.loads(text)
            heard.append(frame["jobs"])
            await socket.send(json.dumps({**PROGRESS, "id": frame["id"], "job": frame["jobs"][0]}))

    async with serve(converse, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/live", heard


@pytest.mark.parametrize(("jobs", "subscriptions"), [(1, 1), (300, 1), (301, 2), (30_301, 102)])
async def test_any_number_of_jobs_is_followed(jobs: int, subscriptions: int) -> None:
    named = [f"job_{number:026}" for number in range(jobs)]
    about = set[str]()

    async with (
        _snapshots() as (address, heard),
        following(address, "demo", [*named, named[0]]) as events,
    ):
        while len(about) < subscriptions:
            about.add((await anext(events)).about)

    assert sorted(job for part in heard for job in part) == named
    assert max(map(len, heard)) <= 300

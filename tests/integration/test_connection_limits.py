"""A client that is slow, or comes a thousand times, does not keep others out."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from fastapi import Response, WebSocket

from heliograph.runtime.http import connection_limits
from heliograph.runtime.http.app import create_web
from heliograph.runtime.settings import ServiceSettings
from tests.support.http_server import served_as_services
from tests.support.timeouts import TIMEOUT

HALF = b"GET /boats HTTP/1.1\r\nHost: "
DEADLINE = 0.5  #: seconds
MOST = 20

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A service with a short deadline, and room for few."""
    monkeypatch.setattr(connection_limits, "STALL_LIMIT", DEADLINE)
    settings = ServiceSettings(header_deadline=DEADLINE, max_connections=MOST)
    app = create_web(settings, "test")

    @app.get("/boats")
    async def boats() -> Response:
        return Response(b"Argo")

    @app.get("/slow")
    async def slow() -> Response:
        await asyncio.sleep(2 * DEADLINE)
        return Response(b"late")

    @app.get("/large")
    async def large() -> Response:
        return Response(bytes(64 * 2**20))

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        with suppress(Exception):
            while True:
                await socket.send_bytes(bytes(2**20))

    async with served_as_services(app, settings) as port:
        yield port


async def _open(port: int, sent: bytes = HALF) -> Connection:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def _closed(connection: Connection) -> bytes:
    """What came until the server closed."""
    reader, writer = connection
    heard = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(TIMEOUT):
            while chunk := await reader.read(2**16):
                heard += chunk
    writer.close()
    return heard


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        HALF,
        HALF + b"127.0.0.1\r\nX-Slow: ",
        b"GET /live HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        b"POST /boats HTTP/1.1\r\nContent-Length: 99999\r\n",
    ],
)
async def test_headers_that_are_not_complete_in_time_end_the_connection(
    port: int, sent: bytes
) -> None:
    assert await _closed(await _open(port, sent)) == b""


async def test_one_byte_now_and_then_moves_no_deadline(port: int) -> None:
    reader, writer = await _open(port)
    began = asyncio.get_running_loop().time()

    with suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(DEADLINE / 5):
                    await reader.read(1)

    assert asyncio.get_running_loop().time() - began < 10 * DEADLINE
    writer.close()


async def test_a_second_request_has_a_deadline_too(port: int) -> None:
    whole = b"GET /boats HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port

    heard = await _closed(await _open(port, whole + HALF))

    assert heard.endswith(b"Argo")


async def test_a_body_that_is_still_coming_after_its_answer_has_a_deadline(port: int) -> None:
    request = b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 999\r\n\r\n" % port

    assert b"404" in await _closed(await _open(port, request))


async def test_a_request_in_hand_has_no_such_deadline(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        assert (await http.get("/slow")).text == "late"


async def test_connections_without_a_request_make_room_for_others(port: int) -> None:
    flood = [await _open(port) for _ in range(3 * MOST)]

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        texts = [(await http.get("/boats")).text for _ in range(5)]

    assert texts == ["Argo"] * 5
    assert [await _closed(each) for each in flood] == [b""] * len(flood)


@pytest.mark.parametrize("path", ["/large", "/live"])
async def test_a_client_that_reads_nothing_is_disconnected(port: int, path: str) -> None:
    hello = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    if path == "/live":
        hello += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        hello += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    sleeper = socket.create_connection(("127.0.0.1", port))
    sleeper.sendall(f"{hello}\r\n".encode())
    try:
        async with asyncio.timeout(TIMEOUT):
            while not await asyncio.to_thread(_is_reset, sleeper):
                await asyncio.sleep(0.05)
    finally:
        sleeper.close()


def _is_reset(sleeper: socket.socket) -> bool:
    """Whether the server has reset the connection; nothing is read from it."""
    return sleeper.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE


_TCP_CLOSE = 7

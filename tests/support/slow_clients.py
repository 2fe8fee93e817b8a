"""Clients that are slow on purpose: their headers or bodies drip, or they read no response."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

DRIP = 0.5  #: seconds between two bytes
_LARGE = "/docs/files/swagger-ui-bundle.js"  #: more than a megabyte, of every service
_REPEATS = 20  #: responses that are not read: more than the buffers of the kernel hold
_ENDED = (7, 8)  #: TCP states: reset, or closed by the other side

Hold = Callable[[str], Awaitable[None]]


async def drip_headers(url: str) -> None:
    """Send headers byte by byte, until the server ends the connection."""
    await _drip(url, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")


async def drip_body(url: str) -> None:
    """Send a body byte by byte, until the server ends the connection."""
    place = urlsplit(url).netloc
    head = (
        f"POST /v1/projects/slow/jobs HTTP/1.1\r\nHost: {place}\r\nContent-Length: 100000\r\n\r\n"
    )
    await _drip(url, head.encode())


async def read_nothing(url: str) -> None:
    """Ask for many large answers, and read none, until the server ends the connection."""
    address = urlsplit(url)
    request = f"GET {_LARGE} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.setblocking(False)
    loop = asyncio.get_running_loop()
    with sleeper, suppress(ConnectionError):
        await loop.sock_connect(sleeper, (address.hostname, address.port))
        await loop.sock_sendall(sleeper, request * _REPEATS)
        while not _is_ended(sleeper):
            await asyncio.sleep(DRIP)


async def _drip(url: str, head: bytes) -> None:
    address = urlsplit(url)
    with suppress(ConnectionError):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        reading = asyncio.create_task(_until_closed(reader))
        try:
            writer.write(head)
            while not reading.done():
                writer.write(b"x")
                await asyncio.wait([reading], timeout=DRIP)
        finally:
            reading.cancel()
            writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(2**16):
            pass


def _is_ended(sleeper: socket.socket) -> bool:
    """Whether the server has ended the connection; nothing is read from it."""
    return sleeper.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _ENDED


#: a crowd of slow clients: of each sort so many
CROWD: dict[Hold, int] = {drip_headers: 140, drip_body: 140, read_nothing: 20}


def slow_crowd(url: str) -> list[Awaitable[None]]:
    """All of the crowd at one service, each until the server ends its connection."""
    return [hold(url) for hold, count in CROWD.items() for _ in range(count)]

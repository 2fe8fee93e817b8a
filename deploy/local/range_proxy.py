"""
HTTP range proxy before the bundled S3 server: a part of an object is sent with 206.

rclone sends a requested range with status 200, which browsers take for the whole: a film in
a page could not be sought. Everything else passes through as it is, signatures included. Each
connection carries one request, so nothing of its body has to be understood.

    python -m deploy.local.range_proxy 127.0.0.1:9000 127.0.0.1:9001 rclone serve s3 …

starts the server on the second address and ends with it.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from deploy.local.lifetime import die_with_parent

_HEAD_LIMIT = 64 * 1024  #: bytes of the head of a request or a response
_CHUNK = 256 * 1024  #: bytes that are passed on at a time
_CONNECT = 5.0  #: seconds to reach the server
_HEAD_TIMEOUT = 30.0  #: seconds for a whole head of a request
_SILENCE = 300.0  #: seconds without a byte in either direction
_LINGER = 2.0  #: seconds for a client to go, once it has its response
_CONCURRENCY = 1000  #: connections

_END = b"\r\n\r\n"
_CONNECTION = re.compile(rb"\r\n(?:connection|keep-alive|proxy-connection):[^\r\n]*", re.IGNORECASE)
_PARTS = re.compile(rb"\r\nrange:[^\r\n]*,[^\r\n]*", re.IGNORECASE)
_CONTENT_RANGE = re.compile(rb"\r\ncontent-range: *bytes \d", re.IGNORECASE)
_STATUS = re.compile(rb"^(HTTP/1\.[01]) 200 [^\r\n]*")
_PASSING = re.compile(rb"^HTTP/1\.[01] 1\d\d ")

Place = tuple[str, int]


class RangeProxy:
    """Passes requests on to the server at `upstream`."""

    def __init__(self, upstream: Place) -> None:
        self._upstream = upstream
        self._places = asyncio.Semaphore(_CONCURRENCY)

    async def serve(self, client: asyncio.StreamReader, response: asyncio.StreamWriter) -> None:
        """One connection, from its request to the end of the response."""
        try:
            async with self._places:
                await self._pass_on(client, response)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a side disconnected, or sent no request
        finally:
            await _close(response)

    async def _pass_on(self, client: asyncio.StreamReader, response: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_TIMEOUT):
            head = await client.readuntil(_END)
        async with asyncio.timeout(_CONNECT):
            server, request = await asyncio.open_connection(*self._upstream, limit=_CHUNK)
        try:
            request.write(request_head(head))
            sending = asyncio.create_task(_pump(client, request))
            try:
                await _respond(server, response)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)  # a refusal may come early
        finally:
            await _close(request)
        await _linger(client, response)


async def _respond(server: asyncio.StreamReader, response: asyncio.StreamWriter) -> None:
    """The server's response, its head set right; `100 Continue` and the like go before it."""
    while True:
        async with asyncio.timeout(_SILENCE):
            head = await server.readuntil(_END)
        response.write(response_head(head))
        if not _PASSING.match(head):
            break
    await _pump(server, response)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass bytes on until there are no more."""
    while True:
        async with asyncio.timeout(_SILENCE):
            chunk = await source.read(_CHUNK)
            if not chunk:
                return
            target.write(chunk)
            await target.drain()


async def _linger(client: asyncio.StreamReader, response: asyncio.StreamWriter) -> None:
    """Let the client read the response: closing while it still sends would discard it."""
    await response.drain()
    response.write_eof()
    async with asyncio.timeout(_LINGER):
        while await client.read(_CHUNK):
            pass


async def _close(stream: asyncio.StreamWriter) -> None:
    stream.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CONNECT):
            await stream.wait_closed()


def request_head(head: bytes) -> bytes:
    """The request for the server: one per connection, with at most one range."""
    return _alone(_PARTS.sub(b"", head))  # of several parts S3 sends the whole, rclone an error


def response_head(head: bytes) -> bytes:
    """The response for the client: 206 for a part."""
    if _PASSING.match(head):
        return head
    if _CONTENT_RANGE.search(head):
        head = _STATUS.sub(rb"\1 206 Partial Content", head, count=1)
    return _alone(head)


def _alone(head: bytes) -> bytes:
    """A head with `Connection: close`."""
    return _CONNECTION.sub(b"", head).removesuffix(_END) + b"\r\nConnection: close" + _END


async def run(listening: Place, upstream: Place, command: Sequence[str]) -> int:
    """Serve until the server ends or a signal arrives. Returns its exit code."""
    server = await asyncio.create_subprocess_exec(
        *command, "--addr", "{}:{}".format(*upstream), preexec_fn=die_with_parent
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.terminate)
    try:
        await _until_it_listens(server, upstream)
        proxy = RangeProxy(upstream)
        host, port = listening
        async with await asyncio.start_server(proxy.serve, host, port, limit=_HEAD_LIMIT):
            return await server.wait()
    finally:
        with suppress(ProcessLookupError):
            server.kill()
        await server.wait()


async def _until_it_listens(server: asyncio.subprocess.Process, place: Place) -> None:
    while server.returncode is None:
        with suppress(OSError):
            _, probe = await asyncio.open_connection(*place)
            await _close(probe)
            return
        await asyncio.sleep(0.02)


def _place(address: str) -> Place:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def main() -> int:
    listening, upstream, *command = sys.argv[1:]
    return abs(asyncio.run(run(_place(listening), _place(upstream), command)))


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())

"""A TCP proxy that resets connections in the middle: after so many bytes, in either direction."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

_AT_ONCE = struct.pack("ii", 1, 0)  #: SO_LINGER that makes a close a reset
_CHUNK = 64 * 1024  #: bytes

Budget = Callable[[], int | None]


@dataclass
class CuttingProxy:
    """A port in front of `target`, another port; `cuts` counts the connections that were reset."""

    port: int = 0
    target: int = 0
    cuts: int = 0


@asynccontextmanager
async def cutting_proxy(budget: Budget) -> AsyncIterator[CuttingProxy]:
    """
    A proxy, until the block ends.

    Args:
        budget: Asked for each connection: bytes until it is reset; None: it lives.
    """
    proxy, serving = CuttingProxy(), set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_forward(proxy, budget(), (reader, writer)))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1")
    proxy.port = int(server.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()


async def _forward(
    proxy: CuttingProxy,
    left: int | None,
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    far = await asyncio.open_connection("127.0.0.1", proxy.target)
    ends = (near[1], far[1])

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        nonlocal left
        while data := await source.read(_CHUNK):
            part = data if left is None else data[:left]
            sink.write(part)
            await sink.drain()
            if left is not None:
                left -= len(part)
                if left <= 0:
                    proxy.cuts += 1
                    return

    pumps = [
        asyncio.ensure_future(pump(near[0], far[1])),
        asyncio.ensure_future(pump(far[0], near[1])),
    ]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in pumps:
            each.cancel()
        with suppress(OSError):
            await asyncio.gather(*pumps, return_exceptions=True)
        for end in ends:
            _reset(end)


def _reset(end: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # it ended by itself a moment ago
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    end.transport.abort()

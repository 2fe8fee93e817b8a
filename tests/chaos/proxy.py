"""A TCP proxy that goes wrong on request: connections cut, or held so that nothing comes through."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 64 * 1024  #: bytes
_NAME = re.compile(rb'"name":\s*"heliograph-(\w+)"')
_AT_ONCE = struct.pack("ii", 1, 0)  #: SO_LINGER that makes a close a reset


class Link:
    """One connection through the proxy. A NATS client says who it is; others have no name."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.name = ""
        self._ends = (near, far)

    def hear(self, content: bytes) -> None:
        """What the client said, which may be its name."""
        match = _NAME.search(content) if not self.name else None
        if match:
            self.name = match[1].decode()

    def cut(self) -> None:
        """Reset both ends."""
        for end in self._ends:
            with suppress(OSError):  # it ended by itself a moment ago
                end.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE
                )
            end.transport.abort()

    def close(self) -> None:
        for end in self._ends:
            end.close()


class Proxy:
    """A port of its own in front of a port of this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._links: set[Link] = set()
        self._held: list[str] = []
        self._healed = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self, name: str = "") -> int:
        """Reset every connection of a service, by default of all. Returns how many there were."""
        victims = [link for link in self._links if name in ("", link.name)]
        for link in victims:
            link.cut()
        return len(victims)

    async def hold(self, seconds: float, name: str = "") -> None:
        """
        Let nothing through, old connections and new, of a service or of all. Nobody is told; what
        was sent arrives late, as it would after the packets were sent again.
        """
        self._held.append(name)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held.remove(name)
            self._healed.set()
            self._healed = asyncio.Event()

    def _is_held(self, link: Link) -> bool:
        return "" in self._held or link.name in self._held

    def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, near))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            target, far = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            near.transport.abort()
            return
        link = Link(near, far)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(link, reader, far, is_client=True))
                group.create_task(self._pump(link, target, near, is_client=False))
        finally:
            self._links.discard(link)
            link.close()

    async def _pump(
        self,
        link: Link,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        *,
        is_client: bool,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if is_client:
                    link.hear(data)
                while self._is_held(link):
                    await self._healed.wait()
                target.write(data)
                await target.drain()
        link.close()  # the other direction ends with this one

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1")

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        self.cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """A proxy, until the block ends."""
    proxy = Proxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()

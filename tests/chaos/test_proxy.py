"""The proxy does to connections what networks do, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.chaos.proxy import Proxy, proxied

NAMED = b'CONNECT {"name": "heliograph-render"}'


@asynccontextmanager
async def _echoing() -> AsyncIterator[Proxy]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1")
    async with server, proxied(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


class _Caller:
    """Somebody connected through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, content: bytes, *, within: float = 20) -> bytes:
        """What comes back, within so many seconds."""
        self._writer.write(content)
        return await asyncio.wait_for(self._reader.read(100), within)


@asynccontextmanager
async def _calling(proxy: Proxy) -> AsyncIterator[_Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield _Caller(reader, writer)
    writer.close()


async def test_what_goes_in_comes_out() -> None:
    async with _echoing() as proxy, _calling(proxy) as caller:
        assert await caller.say(b"hello") == b"hello"
        assert await caller.say(b"again") == b"again"


async def test_a_cut_connection_is_reset_and_others_are_not() -> None:
    async with _echoing() as proxy, _calling(proxy) as named, _calling(proxy) as other:
        await named.say(NAMED)
        await other.say(b"hello")

        assert proxy.cut("render") == 1

        with pytest.raises(ConnectionResetError):
            await named.say(b"are you there")
        assert await other.say(b"and you") == b"and you"


async def test_what_is_held_comes_through_late_also_on_new_connections() -> None:
    async with _echoing() as proxy, _calling(proxy) as old, _calling(proxy) as new:
        await old.say(NAMED)
        hole = asyncio.create_task(proxy.hold(3.0, "render"))

        for held in (old, new):
            with pytest.raises(TimeoutError):
                await held.say(NAMED, within=0.3)
        async with _calling(proxy) as other:
            assert await other.say(b"now") == b"now"

        await hole
        for held in (old, new):
            assert await held.say(b"") == NAMED

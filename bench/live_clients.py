"""Starts crowds of WebSocket clients, and speaks with them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.crowd import Expect, Heard, Join

_PATIENCE = 180.0  #: seconds; longer than a crowd's own


class Gathering:
    """One process with clients."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def join(self, live: str, clients: int, **subscribe: Any) -> None:
        """Open so many connections."""
        await self._ask(Join(live=live, clients=clients, subscribe=subscribe).model_dump_json())

    async def expect(self, frames: int) -> Heard:
        """
        What was heard, once there were so many frames.

        Raises:
            RuntimeError: Some frames did not arrive, or connections were lost.
        """
        heard = Heard.model_validate_json(await self._ask(Expect(frames=frames).model_dump_json()))
        if heard.lost or heard.frames < frames:
            raise RuntimeError(f"{heard.frames} of {frames} frames, {heard.lost} connections lost")
        return heard

    async def _ask(self, order: str) -> bytes:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(order.encode() + b"\n")
        async with asyncio.timeout(_PATIENCE):
            return await self._process.stdout.readline()


@asynccontextmanager
async def gathering() -> AsyncIterator[Gathering]:
    """A process without clients yet."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.crowd", stdin=pipe, stdout=pipe, limit=2**28
    )
    try:
        crowd = Gathering(process)
        await crowd.expect(0)  # it is there, and its start is not part of what is measured
        yield crowd
    finally:
        process.kill()
        await process.wait()

"""Counts the jobs of a project that have succeeded, from their events as they are published."""

import asyncio

from nats.aio.msg import Msg

from heliograph.contracts.cloudevents import event_type

_STALLED = 60.0  #: seconds without a job that ends


class Ends:
    """How many jobs of a project have succeeded, as they do."""

    def __init__(self) -> None:
        self._count = 0
        self._more = asyncio.Event()

    async def hear(self, message: Msg) -> None:
        """An event of one of them."""
        if (message.headers or {}).get("ce-type") == event_type("succeeded"):
            self._count += 1
            self._more.set()

    async def until(self, count: int) -> None:
        """Wait until so many have. Raises TimeoutError when no more do."""
        while self._count < count:
            self._more.clear()
            async with asyncio.timeout(_STALLED):
                await self._more.wait()

"""Heartbeats: a message in hand is not delivered again while its handler works on it."""

import asyncio
from contextlib import suppress

from nats.aio.msg import Msg
from nats.errors import Error


class Heartbeats:
    """
    Heartbeats of a message. The first is a timer: most messages are done with before it, and a task for
    each would cost more.

    Args:
        every: Seconds.
    """

    def __init__(self, message: Msg, every: float) -> None:
        self._message = message
        self._every = every
        self._beating: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._first = asyncio.get_running_loop().call_later(self._every, self._begin)

    def __exit__(self, *_: object) -> None:
        self._first.cancel()
        if self._beating:
            self._beating.cancel()

    def _begin(self) -> None:
        self._beating = asyncio.create_task(self._beat(), name="heartbeat")

    async def _beat(self) -> None:
        while True:
            with suppress(Error, ConnectionError):
                await self._message.in_progress()
            await asyncio.sleep(self._every)

"""Replay turns: clients that resume are served a few at once, in the order in which they came."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class ReplayTurns:
    """
    A priority semaphore: after a restart all clients come back at once, and so each has to wait.

    Args:
        permits: Turns that are taken at once.
    """

    def __init__(self, permits: int) -> None:
        self._free = permits
        self._numbers = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []  #: a heap

    def number(self) -> int:
        """Place in the order of arrival: the lowest number among those that wait has the next turn."""
        return next(self._numbers)

    @asynccontextmanager
    async def turn(self, number: int) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends. Keep the block short."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(number)
        try:
            yield
        finally:
            self._hand_on()

    async def _wait(self, number: int) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (number, next(self._numbers), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # the turn was given to a client that is gone
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        while self._waiting:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

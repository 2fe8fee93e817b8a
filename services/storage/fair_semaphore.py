"""Fair semaphore: waiters take turns by project, and no project holds all permits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.storage.project_queue import RoundRobinQueue, share_of

_Waiter = asyncio.Future[None]


class FairSemaphore:
    """
    A few places at once.

    A waiter that is `behind` has a turn only when no other can, and never the last permit.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._share = share_of(places)
        self._held: Counter[str] = Counter()
        self._behind = 0  #: permits held by waiters that were behind
        self._ahead_waiting: RoundRobinQueue[_Waiter] = RoundRobinQueue()
        self._behind_waiting: RoundRobinQueue[_Waiter] = RoundRobinQueue()

    @asynccontextmanager
    async def place(self, project: str, *, behind: bool = False) -> AsyncIterator[None]:
        """Wait for a permit, and hold it until the block ends."""
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        line = self._behind_waiting if behind else self._ahead_waiting
        line.add(project, waiter)
        self._hand_out()
        try:
            await waiter
            yield
        finally:
            line.remove(project, waiter)
            if waiter.done() and not waiter.cancelled():
                self._give_back(project, behind)

    def _give_back(self, project: str, behind: bool) -> None:
        self._held[project] -= 1
        self._held += Counter()  # those that hold none go
        self._behind -= behind
        self._hand_out()

    def _hand_out(self) -> None:
        while self._held.total() < self._places and (waiter := self._next()):
            waiter.set_result(None)

    def _next(self) -> _Waiter | None:
        """Grant the next permit to a waiter."""
        turn, behind = self._ahead_waiting.next(self._held, self._share), False
        if turn is None and self._behind < max(1, self._places - 1):
            turn, behind = self._behind_waiting.next(self._held, self._share), True
        if turn is None:
            return None
        project, waiter = turn
        self._held[project] += 1
        self._behind += behind
        return waiter

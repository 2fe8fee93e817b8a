"""Fair semaphore: waiters take turns by project, and no project holds all permits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.storage.project_queue import RoundRobinQueue, share_of

_Waiter = asyncio.Future[None]


class FairSemaphore:
    """
    A number of permits.

    A waiter that is `behind` has a turn only when no other can, and never the last permit.
    """

    def __init__(self, permits: int) -> None:
        self._permits = permits
        self._share = share_of(permits)
        self._in_use: Counter[str] = Counter()
        self._behind = 0  #: permits held by waiters that were behind
        self._ahead_waiting: RoundRobinQueue[_Waiter] = RoundRobinQueue()
        self._behind_waiting: RoundRobinQueue[_Waiter] = RoundRobinQueue()

    @asynccontextmanager
    async def permit(self, project: str, *, behind: bool = False) -> AsyncIterator[None]:
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
        self._in_use[project] -= 1
        self._in_use += Counter()  # those that hold none go
        self._behind -= behind
        self._hand_out()

    def _hand_out(self) -> None:
        while self._in_use.total() < self._permits and (waiter := self._next()):
            waiter.set_result(None)

    def _next(self) -> _Waiter | None:
        """Grant the next permit to a waiter."""
        turn, behind = self._ahead_waiting.next(self._in_use, self._share), False
        if turn is None and self._behind < max(1, self._permits - 1):
            turn, behind = self._behind_waiting.next(self._in_use, self._share), True
        if turn is None:
            return None
        project, waiter = turn
        self._in_use[project] += 1
        self._behind += behind
        return waiter

"""Projects take turns, and none has all the permits, however much it brings."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.storage.fair_semaphore import FairSemaphore
from services.storage.project_queue import RoundRobinQueue, share_of


def _turns(queue: RoundRobinQueue[int]) -> list[tuple[str, int]]:
    turns = []
    while turn := queue.next({}, 9):
        turns.append(turn)
    return turns


def test_projects_take_turns_one_piece_each() -> None:
    queue: RoundRobinQueue[int] = RoundRobinQueue()
    for piece in range(3):
        queue.add("large", piece)
    queue.add("small", 7)

    assert _turns(queue) == [("large", 0), ("small", 7), ("large", 1), ("large", 2)]


def test_a_blocked_waiter_keeps_its_place() -> None:
    queue: RoundRobinQueue[int] = RoundRobinQueue()
    queue.add("full", 1)
    queue.add("other", 2)

    assert queue.next({"full": 2}, 2) == ("other", 2)
    assert queue.next({"full": 2}, 2) is None
    assert queue.next({"full": 1}, 2) == ("full", 1)


def test_the_project_with_fewer_permits_is_first() -> None:
    queue: RoundRobinQueue[int] = RoundRobinQueue()
    queue.add("large", 1)
    queue.add("small", 2)

    assert queue.next({"large": 1}, 9) == ("small", 2)


def test_what_waits_no_longer_has_no_turn() -> None:
    queue: RoundRobinQueue[int] = RoundRobinQueue()
    queue.add("demo", 1)
    queue.remove("demo", 1)
    queue.remove("demo", 2)

    assert queue.next({}, 9) is None
    assert len(queue) == 0


@pytest.mark.parametrize(("permits", "share"), [(1, 1), (2, 1), (3, 2), (8, 6), (100, 75)])
def test_one_project_never_has_all_permits(permits: int, share: int) -> None:
    assert share_of(permits) == share


class WaitingTasks:
    """Tasks that wait for permits, and those that have one."""

    def __init__(self, permits: int) -> None:
        self.permits = FairSemaphore(permits)
        self.inside: list[str] = []
        self._leave = asyncio.Semaphore(0)
        self._tasks: list[asyncio.Task[None]] = []

    def come(self, project: str, count: int = 1, *, behind: bool = False) -> None:
        for _ in range(count):
            self._tasks.append(asyncio.create_task(self._visit(project, behind)))

    async def _visit(self, project: str, behind: bool) -> None:
        async with self.permits.permit(project, behind=behind):
            name = f"{project} behind" if behind else project
            self.inside.append(name)
            await self._leave.acquire()
            self.inside.remove(name)

    async def settled(self) -> Counter[str]:
        for _ in range(20):
            await asyncio.sleep(0)
        return Counter(self.inside)

    async def release(self, count: int = 1) -> Counter[str]:
        for _ in range(count):
            self._leave.release()
        return await self.settled()

    async def cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def tasks() -> AsyncIterator[WaitingTasks]:
    async with AsyncExitStack() as end:
        tasks = WaitingTasks(3)
        end.push_async_callback(tasks.cancel_all)
        yield tasks


async def test_a_newcomer_gets_a_permit_whatever_others_bring(tasks: WaitingTasks) -> None:
    tasks.come("large", 200)
    assert await tasks.settled() == {"large": 2}

    tasks.come("small")

    assert await tasks.settled() == {"large": 2, "small": 1}


async def test_a_returned_permit_is_for_the_project_whose_turn_it_is(
    tasks: WaitingTasks,
) -> None:
    tasks.come("large", 200)
    tasks.come("small")
    await tasks.settled()
    tasks.come("third")

    assert (await tasks.release())["third"] == 1


async def test_a_background_waiter_waits_for_all_others_and_never_takes_the_last_permit(
    tasks: WaitingTasks,
) -> None:
    for project in ("one", "two", "three"):
        tasks.come(project, behind=True)
    assert (await tasks.settled()).total() == 2

    tasks.come("late")

    assert (await tasks.settled())["late"] == 1
    tasks.come("later")
    assert (await tasks.release())["later"] == 1


async def test_a_canceled_waiter_takes_no_permit(tasks: WaitingTasks) -> None:
    tasks.come("large", 3)
    tasks.come("small")
    await tasks.settled()
    other = WaitingTasks(1)
    other.permits = tasks.permits
    other.come("gone", 5)
    await other.settled()
    await other.cancel_all()

    await tasks.release(4)
    tasks.come("next", 2)

    assert await tasks.settled() == {"next": 2}

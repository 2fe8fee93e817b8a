"""Clients that resume take turns, a few at once, those first that came first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.status.live.replay_turns import ReplayTurns
from tests.support.timeouts import TIMEOUT


@asynccontextmanager
async def _all_taken(turns: ReplayTurns, permits: int) -> AsyncIterator[None]:
    """Every place is taken, until the block ends."""
    over = asyncio.Event()

    async def hold() -> None:
        async with turns.turn(turns.number()):
            await over.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(permits):
            group.create_task(hold())
        await asyncio.sleep(0)
        yield
        over.set()


async def test_a_turn_goes_to_the_client_that_came_first() -> None:
    """Not to the one that asked for it first: who came first is soon done, and makes room."""
    turns = ReplayTurns(1)
    first, second, third = (turns.number() for _ in range(3))
    served: list[int] = []

    async def serve(number: int) -> None:
        async with turns.turn(number):
            served.append(number)

    async with asyncio.TaskGroup() as group, _all_taken(turns, 1):
        for number in (third, first, second):
            group.create_task(serve(number))
            await asyncio.sleep(0)

    assert served == [first, second, third]


async def test_no_more_turns_are_taken_at_once_than_there_are_places() -> None:
    turns, at_once, most = ReplayTurns(3), 0, 0

    async def serve() -> None:
        nonlocal at_once, most
        async with turns.turn(turns.number()):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(serve())

    assert most == 3


async def test_a_client_that_is_gone_keeps_no_turn() -> None:
    """Canceled while it waits, or in the moment in which the turn is given to it."""
    turns = ReplayTurns(1)

    async def serve() -> None:
        async with turns.turn(turns.number()):
            pass

    async with _all_taken(turns, 1):
        gone, given = (asyncio.create_task(serve()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
    given.cancel()  # the place was handed to it, and it has not run since
    await asyncio.gather(gone, given, return_exceptions=True)

    async with asyncio.timeout(TIMEOUT):
        await serve()

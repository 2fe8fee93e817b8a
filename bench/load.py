"""Does something again and again, flat out or at a fixed rate, and keeps how long each time took."""

import asyncio
import gc
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

from bench.figures import Spread, spread

Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Driven:
    """Result of a load."""

    seconds: float
    spread: Spread

    @property
    def rate(self) -> float:
        """Acts per second."""
        return self.spread.count / self.seconds

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


async def drive(
    acts: Sequence[Act], *, seconds: float, rate: float | None = None, warm_up: float = 1.0
) -> Driven:
    """
    Every act is repeated by a worker of its own for some seconds, after a warm-up.

    With a rate (acts per second, over all workers) each act has a time at which it is due. Its
    duration counts from there when all workers were busy: waiting for a slow server is waiting.
    """
    gc.freeze()
    clock = asyncio.get_running_loop().time
    started = clock()
    begin, end = started + warm_up, started + warm_up + seconds
    turns = itertools.count()
    durations: list[float] = []

    async def work(act: Act) -> None:
        while True:
            due = started + next(turns) / rate if rate else clock()
            if due >= end:
                return
            if due > clock():
                await asyncio.sleep(due - clock())
                due = clock()  # timers are late by a millisecond; that is not the server's
            await act()
            if due >= begin and (rate or clock() < end):
                durations.append(clock() - due)

    await asyncio.gather(*map(work, acts))
    return Driven(seconds, spread(durations))


async def each_once(acts: Sequence[Act], count: int) -> None:
    """As many times as told, by all workers together."""
    turns = itertools.count()

    async def work(act: Act) -> None:
        while next(turns) < count:
            await act()

    await asyncio.gather(*map(work, acts))

"""Background tasks: loops that run as long as the process, restarted when they fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import structlog

from heliograph.contracts.errors import QueueFull, Unavailable

log = structlog.get_logger()

BackgroundTask = Callable[[], Awaitable[None]]

_RETRY_DELAY = 1.0  #: seconds before a loop that broke is begun again
_CANCEL_AGAIN = 0.5  #: seconds
_STABLE_AFTER = 10.0  #: seconds without a break, then a loop is trusted again


class _Break(NamedTuple):
    loop: str
    reason: str
    at: float  #: by the clock of the event loop
    again: bool  #: it had broken a moment before


_breaks: dict[str, _Break] = {}  #: the last one of each loop of this process


@asynccontextmanager
async def run_in_background(**loops: BackgroundTask) -> AsyncIterator[None]:
    """Run the loops until the block ends, and begin again whichever breaks."""
    tasks = [asyncio.create_task(_again(name, loop), name=name) for name, loop in loops.items()]
    try:
        yield
    finally:
        await stop(*tasks)


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they are over: libraries may lose a cancellation, see `JetStream`."""
    going = {task for task in tasks if not task.done()}
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=_CANCEL_AGAIN)


async def check_loops() -> None:
    """Readiness check: raises Unavailable while a loop of this process fails repeatedly."""
    clock = asyncio.get_running_loop().time()
    standing = [each for each in _breaks.values() if each.again and clock - each.at < _STABLE_AFTER]
    if standing:
        reasons = "; ".join(f"{each.loop} ({each.reason})" for each in standing)
        raise Unavailable(f"no progress: {reasons}")


async def _again(name: str, loop: BackgroundTask) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        try:
            await loop()
            return
        except (Unavailable, QueueFull) as error:
            log.warning("Background task waits for a dependency", loop=name, reason=str(error))
        except Exception as error:
            log.exception("Background task failed", loop=name)
            before, at = _breaks.get(name), clock()
            again = before is not None and at - before.at < _STABLE_AFTER
            _breaks[name] = _Break(name, type(error).__name__, at, again)
        await asyncio.sleep(_RETRY_DELAY)

"""Loops that run beside the requests of a service, for as long as the process lives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog

from heliograph.contracts.errors import QueueFull, Unavailable

log = structlog.get_logger()

Loop = Callable[[], Awaitable[None]]

_AGAIN_AFTER = 1.0  #: seconds before a loop that broke is begun again
_CANCEL_AGAIN = 0.5  #: seconds


@asynccontextmanager
async def running(**loops: Loop) -> AsyncIterator[None]:
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


async def _again(name: str, loop: Loop) -> None:
    while True:
        try:
            await loop()
            return
        except (Unavailable, QueueFull) as error:
            log.warning("A loop waits", loop=name, reason=str(error))
        except Exception:
            log.exception("A loop broke", loop=name)
        await asyncio.sleep(_AGAIN_AFTER)

"""Gate: decides when each act of a handler happens."""

import asyncio
from collections.abc import Awaitable, Callable

Gate = Callable[..., Awaitable[None]]  #: called with the name of the act, and what it is about


async def open_gate(_: str, *__: object) -> None:
    """Every act happens at once."""
    await asyncio.sleep(0)

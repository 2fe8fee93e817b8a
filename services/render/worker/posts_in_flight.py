"""Posts in flight: submissions whose response cannot be requested again; a shutdown waits for them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class PostsInFlight:
    """Posts in flight of this process."""

    def __init__(self) -> None:
        self._ends: dict[object, float] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ends)

    @contextmanager
    def delay_shutdown(self, until: float) -> Iterator[None]:
        """A shutdown waits for the block to end, until the loop's clock reads `until` at most."""
        post = object()
        self._ends[post] = until
        try:
            yield
        finally:
            del self._ends[post]
            self._changed.set()

    async def wait(self) -> None:
        """Wait until all POSTs have ended, or their time is up."""
        while self._ends:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(max(self._ends.values())):
                    await self._changed.wait()
                    continue
            return

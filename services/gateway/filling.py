"""How full the event log is: new jobs are refused while there is still room to finish the others."""

import asyncio

from heliograph.contracts.errors import QueueFull
from heliograph.runtime.bus.events import STREAM
from heliograph.runtime.bus.jetstream import JetStream

_EVERY = 5.0  #: seconds


class Gauge:
    """Knows the part of the event stream that is in use, 0 to 1."""

    def __init__(self, jetstream: JetStream, *, full_at: float) -> None:
        self._jetstream = jetstream
        self._full_at = full_at
        self.used = 0.0

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            info = await self._jetstream.api(f"STREAM.INFO.{STREAM}")
            self.used = info["state"]["bytes"] / info["config"]["max_bytes"]
            await asyncio.sleep(_EVERY)

    def check(self) -> None:
        """Raises QueueFull when new jobs must wait."""
        if self.used >= self._full_at:
            raise QueueFull(f"the event log is {self.used:.0%} full", retry_after=60)

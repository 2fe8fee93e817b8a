"""Admission by room: new jobs are refused while streams still have room to finish the others."""

import asyncio
from collections.abc import Mapping

from heliograph.contracts.errors import QueueFull
from heliograph.runtime.bus.events import STREAM
from heliograph.runtime.bus.jetstream import JetStream

_EVERY = 5.0  #: seconds

#: what a job needs room in before it is accepted, as operators know it
_NEEDED = {STREAM: "the event log", "WORK": "the backlog", "KV_slots": "the table of slots"}


class Gauge:
    """Knows which parts of the streams that jobs need are in use, 0 to 1."""

    def __init__(self, jetstream: JetStream, *, full_at: float) -> None:
        self._jetstream = jetstream
        self._full_at = full_at
        self._used: Mapping[str, float] = {}

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """Ask the server. Raises Unavailable; then the last numbers stand."""
        self._used = {name: await self._part(name) for name in _NEEDED}

    async def _part(self, stream: str) -> float:
        info = await self._jetstream.api(f"STREAM.INFO.{stream}")
        return float(info["state"]["bytes"] / info["config"]["max_bytes"])

    def check(self) -> None:
        """Raises QueueFull when new jobs must wait."""
        for stream, used in self._used.items():
            if used >= self._full_at:
                raise QueueFull(f"{_NEEDED[stream]} is {used:.0%} full", retry_after=60)

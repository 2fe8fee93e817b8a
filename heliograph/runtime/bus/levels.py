"""The level of a deployment: read beside the event log, and raised there by its operator."""

import asyncio
import time

from heliograph.contracts.level import KEY, LEVEL, level_of
from heliograph.runtime.bus.jetstream import JetStream

_KEPT = 10.0  #: seconds that a reply of the server is cached
_STREAM = "EVENTS"


class Level:
    """Level that this process may write. It may rise while it runs, and never falls."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream
        self._level = 0
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def allows(self, level: int) -> bool:
        """Whether every process understands what is written since a level. Raises Unavailable."""
        async with self._reading:
            if self._level < level and time.monotonic() - self._read_at > _KEPT:
                self._level = await read_level(self._jetstream)
                self._read_at = time.monotonic()
        return level <= min(self._level, LEVEL)


async def read_level(jetstream: JetStream) -> int:
    """The level of the deployment. Raises Unavailable."""
    info = await jetstream.api(f"STREAM.INFO.{_STREAM}")
    return level_of(info["config"].get("metadata") or {})


async def raise_level(jetstream: JetStream) -> int:
    """Raise it to that of this release, unless it is higher. Returns what it is; raises Unavailable."""
    config = (await jetstream.api(f"STREAM.INFO.{_STREAM}"))["config"]
    metadata = config.get("metadata") or {}
    level = max(level_of(metadata), LEVEL)
    config["metadata"] = {**metadata, KEY: str(level)}
    await jetstream.api(f"STREAM.UPDATE.{_STREAM}", config)
    return level

"""Waits for jobs by how far the log is: hearing their events would take time from who is measured."""

import asyncio

from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream

_EVENTS = 6  #: of a job that goes right; `tests/e2e/isolated/test_messages_per_job.py` counts them
_INTERVAL = 0.1  #: seconds between two looks, as at the peers
_STALLED = 60.0  #: seconds without an event


class LogPosition:
    """Where the log of a deployment stood, in which no other jobs are under way."""

    def __init__(self, bus: JetStream, begin: int) -> None:
        self._bus = bus
        self._begin = begin

    @classmethod
    async def now(cls, bus: JetStream) -> "LogPosition":
        return cls(bus, await _last_sequence(bus))

    async def until_ended(self, jobs: int) -> None:
        """Wait for all events of so many jobs. Raises TimeoutError when no more come."""
        clock = asyncio.get_running_loop().time
        seen, since = self._begin, clock()
        while (last := await _last_sequence(self._bus)) < self._begin + jobs * _EVENTS:
            if last != seen:
                seen, since = last, clock()
            if clock() - since > _STALLED:
                raise TimeoutError(f"{last - self._begin} events of {jobs} jobs, and no more")
            await asyncio.sleep(_INTERVAL)


async def _last_sequence(bus: JetStream) -> int:
    info = await bus.api(f"STREAM.INFO.{STREAM}")
    return int(info["state"]["last_seq"])

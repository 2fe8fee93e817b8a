"""Doubles of a worker's ports that the simulation and the rigs of providers need: an index, a receiver."""

from heliograph.testing.event_log import MemoryEventLog


class MemoryRequestIndex:
    """`RequestIndex` of a log in memory, for tests."""

    def __init__(self, events: MemoryEventLog) -> None:
        self._events = events

    async def known(self, provider: str, requests: tuple[str, ...]) -> frozenset[str]:
        entries = (entry for job in self._events.jobs() for entry in self._events.of(job))
        jobs = (entry.as_job() for entry in entries)
        records = [job.record for job in jobs if job and job.record.provider == provider]
        named = {attempt.request_id for each in records for attempt in each.internal.attempts}
        return frozenset(request for request in requests if request in named)


class MemoryOutputReceiver:
    """`OutputReceiver` in a dictionary, for tests."""

    def __init__(self) -> None:
        self.brought: dict[str, bytes] = {}

    async def upload(self, project: str, job: str, sha256: str, content: bytes) -> None:
        self.brought[f"{job}/{sha256}"] = content

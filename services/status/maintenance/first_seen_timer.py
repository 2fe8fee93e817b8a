"""Timer of jobs, from when each was seen first."""

import asyncio
from collections.abc import Iterable


class FirstSeenTimer:
    """Seconds since each job was first seen, by the monotonic clock of this process."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}

    def seconds(self, job: str) -> float:
        """Seconds since the first call for a job."""
        clock = asyncio.get_running_loop().time()
        return clock - self._first.setdefault(job, clock)

    def keep(self, jobs: Iterable[str]) -> None:
        """Forget all others."""
        self._first = {job: self._first[job] for job in jobs if job in self._first}

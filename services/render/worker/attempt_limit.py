"""Attempt timeout: measured by the monotonic clock of the process that runs the attempt."""

import asyncio


class AttemptClock:
    """Seconds since this process took up each attempt. A step of the wall clock changes nothing."""

    def __init__(self) -> None:
        self._began: dict[tuple[str, int], float] = {}

    def seconds(self, job: str, run: int) -> float:
        """Seconds since the first call for this attempt."""
        clock = asyncio.get_running_loop().time()
        return clock - self._began.setdefault((job, run), clock)

    def forget(self, job: str) -> None:
        """Forget a job."""
        for attempt in [attempt for attempt in self._began if attempt[0] == job]:
            del self._began[attempt]

"""Queue quota: how many jobs may wait, in all and per project; counts are refreshed every second."""

import asyncio
from collections import Counter

from heliograph.contracts.errors import QueueFull, TooManyJobs, Unavailable
from services.gateway.limits.lanes_accounts import LimitAdmin
from services.gateway.limits.metrics import hide_lanes, show_lanes

_INTERVAL = 1.0  #: seconds between looks at the queue
_RETRY_AFTER = 10.0  #: seconds until a project that was refused may find room


class QueueQuota:
    """
    How many jobs wait, in total and by project: read from the dispatcher every second, counted locally in
    between.

    With several gateways a project may exceed its limit by what the others accept in a second. A project
    that no lane names, because many others have more jobs there, counts only with its recent jobs.

    Args:
        limit: Jobs that may wait in all.
        project_limit: Jobs of one project that may wait.
    """

    def __init__(self, limits: LimitAdmin, *, limit: int, project_limit: int) -> None:
        self._limits = limits
        self._limit = limit
        self._project_limit = project_limit
        self._in_all = 0
        self._waiting: Counter[str] = Counter()
        self._lately: Counter[str] = Counter()  #: accepted since the last refresh

    async def watch(self) -> None:
        """Refresh the counts at an interval. Runs until canceled."""
        while True:
            await self.look()
            await asyncio.sleep(_INTERVAL)

    async def look(self) -> None:
        """Query the dispatcher. Raises Unavailable; then the last figures stay in use."""
        self._lately.clear()
        try:
            lanes = await self._limits.seen_lanes()
        except Unavailable:
            hide_lanes()
            raise
        show_lanes(lanes)
        waiting = self._lately.copy()  # the reply may not know of them
        self._in_all = waiting.total() + sum(lane.waiting for lane in lanes)
        for lane in lanes:
            for each in lane.projects:
                waiting[each.project] += each.waiting
        self._waiting = waiting

    def reserve(self, project: str, jobs: int = 1) -> None:
        """Count more jobs, all or none. Raises TooManyJobs and QueueFull if there are too many."""
        if self._in_all + jobs > self._limit:
            raise QueueFull(f"no more than {self._limit} jobs may wait", retry_after=_RETRY_AFTER)
        if self._waiting[project] + jobs > self._project_limit:
            detail = f"no more than {self._project_limit} jobs of this project may wait"
            raise TooManyJobs(detail, limit=self._project_limit, retry_after=_RETRY_AFTER)
        self._in_all += jobs
        self._waiting[project] += jobs
        self._lately[project] += jobs

    def release(self, project: str) -> None:
        """Release the count of a job that was not accepted."""
        self._in_all -= 1
        self._waiting[project] -= 1
        self._lately[project] -= 1

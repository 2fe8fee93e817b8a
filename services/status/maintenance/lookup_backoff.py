"""Backoff of lookups of lost requests."""

import asyncio
from collections.abc import Iterable


class LookupBackoff:
    """Backoff of lookups, for each lost request."""

    def __init__(self, *, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._next: dict[str, tuple[float, float]] = {}  #: job -> when, and the pause after it

    def due(self, undecided: Iterable[str], most: int) -> list[str]:
        """
        The job whose lookup has been due for longest, if any is due. Jobs that were decided are forgotten.
        """
        clock = asyncio.get_running_loop().time()
        fresh = (clock + self._first, 2 * self._first)
        self._next = {job: self._next.get(job, fresh) for job in undecided}
        waiting = sorted((at, job) for job, (at, _) in self._next.items() if at <= clock)
        ripe = [job for _, job in waiting[:most]]
        for job in ripe:
            pause = self._next[job][1]
            self._next[job] = (clock + pause, min(2 * pause, self._longest))
        return ripe

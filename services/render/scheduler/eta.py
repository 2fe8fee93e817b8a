"""ETA: estimates job durations by a moving average (EWMA), from the kind's usual duration on. Pure."""

from statistics import fmean

from heliograph.contracts.catalog import Catalog

_WEIGHT = 0.2  #: of the latest measurement in the moving average
_REFILL = 0.01  #: seconds from the end of a job until another can be moved to its place


class DurationEstimator:
    """Average seconds that a job of each kind runs in a lane (EWMA)."""

    def __init__(self, catalog: Catalog) -> None:
        self._seconds = {name: kind.expected_seconds for name, kind in catalog.kinds.items()}
        self._lanes = {name: kind.lane for name, kind in catalog.kinds.items()}
        self._measured: set[str] = set()

    def observe(self, kind: str, seconds: float) -> None:
        """A job was rendered. The first measurement takes the place of what was expected."""
        if kind not in self._seconds:
            return
        weight = _WEIGHT if kind in self._measured else 1.0
        self._measured.add(kind)
        self._seconds[kind] += weight * (seconds - self._seconds[kind])

    def of_lane(self, lane: str) -> float:
        """
        The mean over the kinds of a lane: over those measured, if there are any. In a lane without
        kinds, where jobs may still wait since it had some: over those of all lanes.
        """
        kinds = [kind for kind, its in self._lanes.items() if its == lane] or [*self._lanes]
        measured = [kind for kind in kinds if kind in self._measured]
        return fmean(self._seconds[kind] for kind in measured or kinds)


def prefetch(cap: int, seconds: float, most: int) -> int:
    """
    Jobs to keep ready beyond the cap: as many as end while the next is moved, but not over `most`.

    A prefetched job runs before any later one, however urgent: long jobs need no prefetch, and with
    short ones a lane would be idle without it.
    """
    return min(most, round(cap * _REFILL / max(seconds, _REFILL)))


def eta(position: int, in_use: int, cap: int, seconds: float) -> float:
    """
    Seconds until a job is rendered, when `position` is its turn, `in_use` of `cap` places are taken
    and every job takes `seconds`: so many must end before it starts, and `cap` of them run at once.
    """
    ahead = max(0, position + in_use - cap)
    return ahead * seconds / cap + seconds

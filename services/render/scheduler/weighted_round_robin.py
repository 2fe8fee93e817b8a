"""
Weighted round robin between priorities. Pure.

A smooth weighted round robin (as in nginx) gives 16 turns to `high` for 4 to `normal` and 1 to `low`,
evenly mixed, as long as each has a waiting job: each turn adds every priority's weight to its credit;
the priority with most credit is served and debited the sum of the weights.
"""

from collections.abc import Iterator, Mapping, Sequence

from heliograph.contracts.requests import PRIORITIES, Priority

WEIGHTS: dict[Priority, int] = {"high": 16, "normal": 4, "low": 1}


class WeightedRoundRobin:
    """Turns of the priorities, by the credit that each has."""

    def __init__(self) -> None:
        self._credit = dict.fromkeys(PRIORITIES, 0)

    def next(self, able: Sequence[Priority]) -> Priority:
        """The priority of those `able` whose turn it is."""
        return max(able, key=lambda priority: self._credit[priority] + WEIGHTS[priority])

    def serve(self, priority: Priority, able: Sequence[Priority]) -> None:
        """Credit every priority of those `able` with its weight, and debit the served one."""
        for each in able:
            self._credit[each] += WEIGHTS[each]
        self._credit[priority] -= sum(WEIGHTS[each] for each in able)

    def upcoming(self, waiting: Mapping[Priority, int]) -> Iterator[Priority]:
        """The priority that is served in each of the next turns, while so many jobs of each wait."""
        left, turns = dict(waiting), WeightedRoundRobin()
        turns._credit = dict(self._credit)
        while able := [priority for priority in PRIORITIES if left[priority]]:
            served = turns.next(able)
            turns.serve(served, able)
            left[served] -= 1
            yield served


def turns_of_others(priority: Priority, before: int, waiting: Mapping[Priority, int]) -> int:
    """Estimate of the turns that other priorities have, while this one has `before` of its own."""
    others = ((other, count) for other, count in waiting.items() if other != priority)
    return sum(min(count, before * WEIGHTS[o] // WEIGHTS[priority]) for o, count in others)

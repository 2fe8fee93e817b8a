"""Cost of jobs: rate, processor time and memory of every process, and the medians of some rounds."""

from statistics import median
from typing import NamedTuple


class Measured(NamedTuple):
    """What some jobs cost."""

    rate: float  #: jobs a second
    cpu: dict[str, float]  #: ms of processor time a job, by process
    memory: dict[str, float]  #: MiB resident, by process

    @property
    def total_cpu(self) -> float:
        """ms of processor time a job, of all processes."""
        return sum(self.cpu.values())

    @property
    def note(self) -> str:
        spent = ", ".join(f"{name} {ms:.1f}" for name, ms in self.cpu.items())
        together = sum(self.memory.values())
        return f"{self.total_cpu:.1f} ms of CPU a job: {spent}; {together:.0f} MiB"


class Rounds:
    """The rounds of ours, or of one peer."""

    def __init__(self) -> None:
        self.rounds: list[Measured] = []
        self.stalled = 0  #: runs that did not end, and were repeated

    @property
    def middle(self) -> Measured:
        """The median of the rounds, value by value."""
        return Measured(
            median(each.rate for each in self.rounds),
            _medians([each.cpu for each in self.rounds]),
            _medians([each.memory for each in self.rounds]),
        )

    @property
    def note(self) -> str:
        stalled = f"; {self.stalled} runs stalled and were repeated" if self.stalled else ""
        return f"{self.middle.note}{stalled}"


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}

"""Cost of jobs: rate, and processor time and memory of every process."""

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

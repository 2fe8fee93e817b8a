"""Figures of a benchmark: one per line, as JSON, with the value to compare with."""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

RESULTS = Path(__file__).with_name("results")
REFERENCE = RESULTS / "reference.jsonl"

Sense = Literal["at least", "at most"]


class Figure(BaseModel):
    """One thing that was measured."""

    model_config = ConfigDict(frozen=True)

    bench: str  #: which benchmark
    what: str
    value: float
    unit: str
    target: float | None = None
    sense: Sense | None = None  #: on which side of the target it should be
    peer: str | None = None  #: what did the same, or could not do better, in the same run
    peer_value: float | None = None  #: in the same unit
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """None without a target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.sense == "at least" else self.value <= self.target

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's."""
        return self.value / self.peer_value if self.peer_value else None


class Machine(BaseModel):
    """Where and when a run was made."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    profile: str
    cores: int
    processor: str
    system: str
    python: str
    busy: float  #: load average of the minute before, by core


def this_machine(profile: str) -> Machine:
    cores = os.cpu_count() or 1
    return Machine(
        at=datetime.now(UTC),
        profile=profile,
        cores=cores,
        processor=_processor(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        busy=round(os.getloadavg()[0] / cores, 2),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


class Journal:
    """The results of one run: a file with a line for the machine, and one for each figure."""

    def __init__(self, profile: str, file: Path | None = None) -> None:
        """A new file, or one that a run has begun."""
        if file is not None:
            self.file = file
            return
        machine = this_machine(profile)
        RESULTS.mkdir(exist_ok=True)
        self.file = RESULTS / f"{machine.at:%Y%m%dT%H%M%SZ}.jsonl"
        self.write(machine)

    def write(self, entry: BaseModel) -> None:
        with self.file.open("a") as lines:
            lines.write(entry.model_dump_json() + "\n")


class Section:
    """The part of a journal that one benchmark writes."""

    def __init__(self, journal: Journal, bench: str) -> None:
        self._journal = journal
        self._bench = bench

    def note(
        self,
        what: str,
        value: float,
        unit: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        peer: tuple[str, float] | None = None,
        note: str = "",
    ) -> None:
        """Keep a figure, and show it."""
        target = at_least if at_least is not None else at_most
        figure = Figure(
            bench=self._bench,
            what=what,
            value=value,
            unit=unit,
            target=target,
            sense=None if target is None else "at most" if at_least is None else "at least",
            peer=peer and peer[0],
            peer_value=peer and peer[1],
            note=note,
        )
        self._journal.write(figure)
        say(f"  {as_line(figure)}")


def read(file: Path) -> tuple[Machine, list[Figure]]:
    """The results of one run."""
    first, *others = file.read_text().splitlines()
    return Machine.model_validate_json(first), [Figure.model_validate_json(o) for o in others]


def as_line(figure: Figure) -> str:
    parts = [f"{figure.what}: {number(figure.value)} {figure.unit}"]
    if figure.target is not None:
        verdict = "" if figure.is_met else ", MISSED"
        parts.append(f"({figure.sense} {number(figure.target)}{verdict})")
    if figure.ratio is not None:
        parts.append(f"= {figure.ratio:.2f} of {figure.peer}")
    if figure.note:
        parts.append(f"[{figure.note}]")
    return " ".join(parts)


def number(value: float) -> str:
    """Three digits that mean something."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def say(sentence: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Spread:
    """How a number of durations are distributed, in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float


def spread(seconds: Sequence[float]) -> Spread:
    """Of durations in seconds; at least one."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    at = [ordered[round(part * last)] * 1000 for part in (0.5, 0.95, 0.99, 1)]
    return Spread(len(ordered), *at)

"""Benchmark of memory and start time of the processes."""

import time
from pathlib import Path

from bench.deployment import Deployment, deployment, new_home
from bench.figures import Section
from bench.profiles import Profile

_SERVICES = ("gateway", "render", "storage", "status")
_MIB = 1024.0  #: KiB


async def run(profile: Profile, section: Section) -> None:
    with new_home() as home:
        began = time.monotonic()
        with deployment(home) as first:
            note_start(time.monotonic() - began, section, "in a new home")
            note_memory(first, section, "idle", at_most=290)
        began = time.monotonic()
        with deployment(home):
            note_start(time.monotonic() - began, section, "again")


def note_start(seconds: float, section: Section, when: str) -> None:
    """From the command to the moment in which every process says that it is ready."""
    section.note(
        f"all ready, {when}",
        seconds,
        "s",
        at_most=5,
        note="four services, NATS and S3 servers, and what starts them",
    )


def note_memory(deployment: Deployment, section: Section, when: str, *, at_most: float) -> None:
    """
    Memory of each process, and of the four services together.

    In resident memory (RSS), pages that processes share count for each of them; in proportional memory (PSS)
    they are divided between all of the machine that have them. The target is for resident memory.
    """
    sizes = {name: _memory(deployment.stack.pid(name)) for name in (*_SERVICES, "nats", "s3")}
    for name, (resident, proportional) in sizes.items():
        note = f"proportional: {proportional:.1f} MiB"
        section.note(f"memory of {name}, {when}", resident, "MiB", note=note)
    resident, proportional = (sum(sizes[name][i] for name in _SERVICES) for i in (0, 1))
    section.note(f"memory of the four services, {when}", resident, "MiB", at_most=at_most)
    section.note(f"memory of the four services, proportional, {when}", proportional, "MiB")


def _memory(pid: int | None) -> tuple[float, float]:
    """MiB of a process: resident, and proportional."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {name: value for name, _, value in (line.partition(":") for line in lines[1:])}
    resident, proportional = (int(sizes[name].split()[0]) / _MIB for name in ("Rss", "Pss"))
    return resident, proportional

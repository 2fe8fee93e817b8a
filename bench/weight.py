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
    """Resident memory of each process, and of the four services together."""
    sizes = {name: _resident(deployment.stack.pid(name)) for name in (*_SERVICES, "nats", "s3")}
    for name, size in sizes.items():
        section.note(f"memory of {name}, {when}", size, "MiB")
    together = sum(sizes[name] for name in _SERVICES)
    section.note(f"memory of the four services, {when}", together, "MiB", at_most=at_most)


def _resident(pid: int | None) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) / _MIB

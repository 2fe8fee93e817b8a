"""Benchmark of the cost curve: cost of a job by the number of past jobs, and by the number of projects."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median

from bench.deployment import Deployment, deployment, post_from_outside, scene
from bench.figures import Section, say
from bench.http_load import Load
from bench.job_ends import Ends
from bench.log_seed import Seeder
from bench.profiles import Profile
from heliograph.contracts import subjects

_ROUNDS = 5  #: of every point, in turn: a machine is faster at some times
_RATE = 200.0  #: requests per second
_CAP = 64  #: jobs of the lane at once
_PROJECTS = 10  #: of the points that differ by their past
_PAST = 10_000  #: jobs of the points that differ by their projects, at most
_FLAT = 1.15  #: times the first point, at most
_AGO = timedelta(days=1)
_PATIENCE = 900.0  #: seconds for status to read what was written


@dataclass
class Point:
    """A deployment with a past, and what jobs cost there in each round."""

    running: Deployment
    past: int  #: jobs that ended
    projects: list[str]
    p99s: list[float] = field(default_factory=list)  #: ms from the POST to the 202
    costs: list[dict[str, float]] = field(default_factory=list)  #: ms of CPU a job, by process

    @property
    def p99(self) -> float:
        return median(self.p99s)

    @property
    def cost(self) -> float:
        """ms of processor time a job, of all processes."""
        return median(sum(each.values()) for each in self.costs)

    @property
    def note(self) -> str:
        names = self.costs[0]
        parts = (f"{name} {median(each[name] for each in self.costs):.1f}" for name in names)
        return ", ".join(parts)


async def run(profile: Profile, section: Section) -> None:
    with ExitStack() as stack:
        points = []
        for past, projects in _sizes(profile):
            running = stack.enter_context(deployment())
            points.append(Point(running, past, _names(projects)))
            await _write_past(points[-1])
        began = time.monotonic()
        async with asyncio.timeout(_PATIENCE):
            for point in points:
                await _until_read(point)
        say(f"  read after {time.monotonic() - began:.0f} s more")
        for number in range(1, _ROUNDS + 1):
            say(f"  round {number} of {_ROUNDS}")
            for point in points:
                await _measure(point, profile.curve_seconds)
    _note_all(points, section)


def _sizes(profile: Profile) -> Iterator[tuple[int, int]]:
    """Past jobs and projects of each point; the largest past first, as status needs long to read it."""
    for past in sorted(profile.pasts, reverse=True):
        yield past, _PROJECTS
    for projects in profile.projects:
        if projects != _PROJECTS:
            yield min(_PAST, max(profile.pasts)), projects


def _names(count: int) -> list[str]:
    return [f"p{number:04}" for number in range(count)]


async def _write_past(point: Point) -> None:
    say(f"  writing {point.past:,} past jobs of {len(point.projects):,} projects")
    async with point.running.bus() as bus:
        await Seeder(bus).succeeded(point.projects, point.past, ago=_AGO)


async def _until_read(point: Point) -> None:
    """Until the read model has all of it; events are read in their order, the last project's last."""
    while point.running.succeeded(point.projects[-1]) < point.past // len(point.projects):
        await asyncio.sleep(1)


async def _measure(point: Point, seconds: float) -> None:
    """Jobs are accepted at a steady rate while their lane is paused, and then all of them run."""
    running, names = point.running, [*point.running.stack.processes, "nats", "s3"]
    first, *others = [running.jobs_of(project) for project in point.projects]
    load = Load(url=first, more_urls=others, body=scene(), at_once=64, seconds=seconds, rate=_RATE)
    running.change_lane("text", paused=True, cap=_CAP)
    before = {name: running.cpu(name) for name in names}
    async with running.bus() as bus:
        ends = Ends()
        await bus.connection.subscribe(subjects.EVENTS, cb=ends.hear)
        posted = (await post_from_outside(load)).check()
        jobs = sum(posted.statuses.values())
        running.change_lane("text", paused=False)
        await ends.until(jobs)
    point.p99s.append(posted.p99)
    point.costs.append({n: (running.cpu(n) - before[n]) / jobs * 1000 for n in names})


def _note_all(points: Sequence[Point], section: Section) -> None:
    by_past = sorted(
        (each for each in points if len(each.projects) == _PROJECTS), key=lambda each: each.past
    )
    _note(by_past, [f"{each.past:,} past jobs" for each in by_past], section)
    common = next((each for each in by_past if each.past == _PAST), by_past[-1])
    others = [each for each in points if len(each.projects) != _PROJECTS]
    by_projects = sorted([common, *others], key=lambda each: len(each.projects))
    _note(by_projects, [f"{len(each.projects):,} projects" for each in by_projects], section)


def _note(points: Sequence[Point], names: Sequence[str], section: Section) -> None:
    """Each point next to the first of its series."""
    for what, unit, values in (
        ("processor time a job", "ms", [each.cost for each in points]),
        ("POST to 202, 200 a second, p99", "ms", [each.p99 for each in points]),
    ):
        for point, name, value in zip(points, names, values, strict=True):
            is_first = point is points[0]
            section.note(
                f"{what}, {name}",
                value,
                unit,
                at_most=None if is_first else _FLAT * values[0],
                peer=None if is_first else (names[0], values[0]),
                note=point.note if unit == "ms" and what.startswith("processor") else "",
            )

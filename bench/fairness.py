"""Benchmark of fairness: waiting time of a small project beside a large one in the same lane."""

import asyncio
import secrets
from bisect import bisect_right

from bench.deployment import Deployment, deployment, post_from_outside, scene
from bench.dispatch import until_ended
from bench.figures import Section, say, spread
from bench.http_load import Load
from bench.profiles import Profile
from bench.timelines import Timelines, queue_heard, timelines

_CAP = 6
LENGTH = 0.2  #: seconds of a job of the big project
_EVERY = 0.5  #: seconds between jobs of the small one


async def run(profile: Profile, section: Section) -> None:
    with deployment() as running:
        running.change_lane("text", paused=True, cap=_CAP)
        big = f"big-{secrets.token_hex(4)}"
        await fill(running, big, profile.backlog)
        await fairness(running, big, profile, section)


async def fill(deployment: Deployment, project: str, count: int) -> None:
    """So many jobs in the queue of one project."""
    say(f"  queueing {count} jobs")
    load = Load(url=deployment.jobs_of(project), body=scene(LENGTH), at_once=64, count=count)
    (await post_from_outside(load)).check()


async def fairness(deployment: Deployment, big: str, profile: Profile, section: Section) -> None:
    """Single jobs of a small project, one after another, while the big one's are under way."""
    small = f"small-{secrets.token_hex(4)}"
    deployment.change_lane("text", paused=False, cap=_CAP)
    load = Load(
        url=deployment.jobs_of(small),
        body=scene(),
        seconds=profile.guests * _EVERY,
        rate=1 / _EVERY,
        warm_up=2,
    )
    async with deployment.bus() as bus:
        async with queue_heard(bus) as queued:
            (await post_from_outside(load)).check()
            guests = await until_ended(bus, small)
        deployment.change_lane("text", paused=True)
        await asyncio.sleep(1)
        others = await timelines(bus, big)
    _note(section, guests, others, queued)


def _note(section: Section, guests: Timelines, others: Timelines, queued: dict[str, float]) -> None:
    left = sorted(t["rendered"] for t in others.values() if "rendered" in t)
    starts = [times["started"] for times in others.values() if "started" in times]
    whole = spread([times["started"] - queued[job] for job, times in guests.items()])
    beyond = spread(
        [
            times["started"] - max(queued[job], _next(left, queued[job]))
            for job, times in guests.items()
        ]
    )
    note = f"{len(others) - len(starts):,} still queued, {_CAP} at once, {LENGTH:g} s each"
    section.note("queued to started, p50", whole.p50, "ms", note=note)
    section.note("queued to started, longest", whole.most, "ms")
    section.note("beyond the next job that ended, p50", beyond.p50, "ms", at_most=50)
    section.note("beyond the next job that ended, longest", beyond.most, "ms")
    section.note(
        "places of the lane in use",
        _held(others) / (_CAP * (left[-1] - min(starts))),
        "of all",
        note="a place is held until a poll finds the job done",
    )


def _held(times: Timelines) -> float:
    """Seconds that jobs which left the lane were in it, all together."""
    return sum(t["rendered"] - t["started"] for t in times.values() if "rendered" in t)


def _next(times: list[float], after: float) -> float:
    index = bisect_right(times, after)
    return times[index] if index < len(times) else after

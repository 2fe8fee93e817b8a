"""Benchmark of makespan: total time of uneven jobs, compared with an ideal pool of workers."""

import asyncio
import heapq
import random
import secrets
from collections.abc import Sequence

from bench.deployment import deployment
from bench.dispatch import until_ended
from bench.figures import Section, say
from bench.log_seed import Seeder
from bench.peer_runs import PEERS, Rivals, rivals
from bench.profiles import Profile
from bench.timelines import Timelines

_EACH = 4  #: jobs for each place in the lane
_SIGMA = 0.6  #: of the logarithm: one in a hundred takes four times as long as the middle one
_TARGETS = {8: 0.97, 64: 0.97, 256: 0.90}


async def run(profile: Profile, section: Section) -> None:
    for cap in profile.makespan_caps:
        seconds = lengths(_EACH * cap, profile.makespan_seconds / _EACH)
        say(f"  {len(seconds)} jobs, {cap} at once: {greedy(seconds, cap):.1f} s at best")
        await _ours(seconds, cap, section)
        with rivals() as others:
            await _theirs(others, seconds, cap, section)


def lengths(count: int, mean: float) -> list[float]:
    """Job times in seconds, uneven, and the same in every run."""
    chance = random.Random(count)  # noqa: S311
    times = [chance.lognormvariate(0, _SIGMA) for _ in range(count)]
    scale = mean * count / sum(times)
    return [round(time * scale, 3) for time in times]


def greedy(seconds: Sequence[float], cap: int) -> float:
    """What a pool would need whose workers take the next job in no time at all."""
    ends = [0.0] * cap
    for time in seconds:
        heapq.heapreplace(ends, ends[0] + time)
    return max(ends)


async def _ours(seconds: list[float], cap: int, section: Section) -> None:
    project = f"p{secrets.token_hex(4)}"
    with deployment() as running:
        running.change_lane("text", paused=True, cap=cap)
        async with running.bus() as bus:
            await Seeder(bus).queued([project], seconds)
            while running.waiting("text") < len(seconds):
                await asyncio.sleep(0.2)
            running.change_lane("text", paused=False)
            done = await until_ended(bus, project)
    took = max(t["rendered"] for t in done.values()) - min(t["started"] for t in done.values())
    ideal = greedy(seconds, cap)
    target = _TARGETS.get(cap)
    _note(section, f"Heliograph, {cap} at once", ideal, took, target)
    _note(section, f"Heliograph, {cap} at once, polling apart", _held(done, cap), took)


async def _theirs(others: Rivals, seconds: list[float], cap: int, section: Section) -> None:
    """All peers side by side: their jobs only sleep, and take hardly any of the processor."""
    ideal, names = greedy(seconds, cap), others.names()
    runs = [others.run(name, cap, seconds, ideal) for name in names]
    for name, took in zip(names, await asyncio.gather(*runs, return_exceptions=True), strict=True):
        if isinstance(took, BaseException):
            say(f"  {PEERS[name]}: {type(took).__name__} {took}")
        else:
            _note(section, f"{PEERS[name]}, {cap} at once", ideal, took)


def _held(done: Timelines, cap: int) -> float:
    """The ideal, if jobs took as long as they held their places: until a poll found them done."""
    in_order = sorted(done.values(), key=lambda times: times["started"])
    return greedy([times["rendered"] - times["started"] for times in in_order], cap)


def _note(
    section: Section, what: str, ideal: float, took: float, target: float | None = None
) -> None:
    note = f"{took:.1f} s; ideal {ideal:.1f} s"
    section.note(what, ideal / took, "of ideal", at_least=target, note=note)

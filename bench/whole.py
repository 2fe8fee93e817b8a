"""The whole, next to the same built by hand: jobs a second, processor time and memory of every process."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from operator import itemgetter
from typing import Any

import httpx

from bench.deployment import deployment, post_from_outside, scene
from bench.figures import Section, say
from bench.http_load import Load
from bench.job_costs import Measured, Rounds
from bench.log_position import LogPosition
from bench.peer_runs import environment, redis_program, rivals
from bench.peer_wholes import FASTSTREAM, WHOLES, hosted_model, whole
from bench.process_usage import cpu_of, memory_of
from bench.profiles import Profile
from bench.timelines import Timelines, timelines

_AT_ONCE = 20  #: clients
_CAP = 64  #: jobs of a lane at once, here and there
_WARM_UP = 20  #: jobs
_ROUNDS = 3  #: of each kind of job, ours and the peers in turn: a machine is faster at some times
_TRIES = 3  #: of a peer in each round
_TEXT_CPU = 16.0  #: ms of processor time of a text, at most
_PICTURES = 0.1  #: of the jobs that are sent when they are texts

_PICTURE = {"kind": "image", "model": "fal/flux-schnell", "prompt": "a lighthouse"}


async def run(profile: Profile, section: Section) -> None:
    stream = max(_WARM_UP, profile.stream // _ROUNDS)
    pictures = max(_WARM_UP, int(stream * _PICTURES))
    with hosted_model(environment()) as provider:
        for what, body, count, milliseconds in (
            ("texts of no length", scene(), stream, _TEXT_CPU),
            ("pictures of 1 MiB", _PICTURE, pictures, None),
        ):
            say(f"  {what}: {_ROUNDS} rounds of {count} jobs")
            ours, theirs = Rounds(), {name: Rounds() for name in _available()}
            for _ in range(_ROUNDS):
                ours.rounds.append(await _ours(body, count, provider))
                for name, rounds in theirs.items():
                    await _add_round(rounds, name, provider, body, count)
            _note(section, what, ours, theirs, milliseconds)


async def _add_round(
    rounds: Rounds, name: str, provider: str, body: dict[str, Any], count: int
) -> None:
    """A run that stalls or fails is repeated with new servers, and counted; the last may be missing."""
    for _ in range(_TRIES):
        try:
            with rivals() as others, whole(name, others, provider) as peer:
                jobs = peer.jobs_of("p")
                rounds.rounds.append(
                    await _measure(peer.processes, jobs, body, count, peer.until_succeeded)
                )
            return
        except (TimeoutError, RuntimeError, httpx.HTTPError) as error:
            say(f"  {name}: {type(error).__name__} {error}")
            rounds.stalled += 1


def _note(
    section: Section,
    what: str,
    ours: Rounds,
    theirs: dict[str, Rounds],
    milliseconds: float | None,
) -> None:
    """Ours next to the peer that is faster, and next to the one that needs less processor time."""
    own = ours.middle
    peers = {name: each.middle for name, each in theirs.items() if each.rounds}
    rates = {name: each.rate for name, each in peers.items()}
    times = {name: each.total_cpu for name, each in peers.items()}
    fastest = max(rates.items(), key=itemgetter(1), default=None)
    lightest = min(times.items(), key=itemgetter(1), default=None)
    rate = fastest and fastest[1]
    section.note(what, own.rate, "jobs/s", at_least=rate, peer=fastest, note=ours.note)
    section.note(
        f"{what}, processor time a job",
        own.total_cpu,
        "ms",
        at_most=milliseconds,
        peer=lightest,
        note="all processes, servers included",
    )
    if by_hand := times.get(FASTSTREAM):
        section.note(
            f"{what}, processor time beside {FASTSTREAM}",
            own.total_cpu / by_hand,
            "of it",
            at_most=1,
            note=f"{by_hand:.1f} ms a job there",
        )
    for name, each in theirs.items():
        if each.rounds:
            section.note(f"{what}, {name}", peers[name].rate, "jobs/s", note=each.note)
        else:
            section.note(f"{what}, {name}, runs that stalled: left out", each.stalled, "runs")


def _available() -> list[str]:
    return [name for name, each in WHOLES.items() if redis_program() or not each.needs_redis]


async def _ours(body: dict[str, Any], count: int, provider: str) -> Measured:
    with deployment(HELIOGRAPH_FAL_BASE_URL=provider, FAL_KEY="whole") as running:
        for lane in ("text", "portraits"):
            running.change_lane(lane, cap=_CAP)
        running.change_account("fal", cap=_CAP)  # as shipped it has the two places of a new one
        pids = {name: running.stack.pid(name) or 0 for name in (*running.stack.processes, "nats")}
        pids["s3"] = running.stack.pid("s3") or 0
        project = f"p{secrets.token_hex(4)}"

        async with running.bus() as bus:
            ends = (await LogPosition.now(bus)).until_ended
            measured = await _measure(pids, running.jobs_of(project), body, count, ends)
            _check(await timelines(bus, project))
            return measured


def _check(of_project: Timelines) -> None:
    """Raises RuntimeError when a job has not succeeded: then others took more events than they need."""
    if not all("succeeded" in times for times in of_project.values()):
        raise RuntimeError("not every job succeeded")


async def _measure(
    pids: Mapping[str, int],
    url: str,
    body: dict[str, Any],
    count: int,
    until_succeeded: Callable[[int], Awaitable[None]],
) -> Measured:
    """Send jobs, first some that are not counted, and wait for their ends."""
    await _send(url, body, _WARM_UP)
    await until_succeeded(_WARM_UP)
    before, began = {name: cpu_of(pid) for name, pid in pids.items()}, time.monotonic()
    await _send(url, body, count)
    await until_succeeded(_WARM_UP + count)
    seconds = time.monotonic() - began
    cpu = {name: (cpu_of(pid) - before[name]) / count * 1000 for name, pid in pids.items()}
    return Measured(count / seconds, cpu, {name: memory_of(pid) for name, pid in pids.items()})


async def _send(url: str, body: dict[str, Any], count: int) -> None:
    (await post_from_outside(Load(url=url, body=body, at_once=_AT_ONCE, count=count))).check()

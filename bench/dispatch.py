"""Benchmark of dispatching: latency from acceptance to the provider, and jobs per second."""

import asyncio
import secrets
from collections.abc import Iterable
from typing import Any

from bench.deployment import Deployment, deployment, post_from_outside, program, scene
from bench.figures import Section, say, spread
from bench.http_load import Load
from bench.log_position import LogPosition
from bench.profiles import Profile
from bench.raw_nats import Measured, Task
from bench.timelines import Timelines, queue_heard, timelines
from heliograph.runtime.bus.jetstream import JetStream

_RATE = 10.0  #: jobs per second of the light load
_PEER = "bare queue of nats-py"
_STALLED = 60.0  #: seconds without a job that ends


async def run(profile: Profile, section: Section) -> None:
    with deployment() as running:
        await latency(running, profile.singles, section, body=scene(), succeeded_within=20)
        await throughput(running, profile, section)
    say("  two processes of render and storage")
    with deployment(HELIOGRAPH_RENDERS="2", HELIOGRAPH_STORAGES="2") as running:
        await throughput(running, profile, section, ", 2 render, 2 storage")


async def latency(
    deployment: Deployment,
    count: int,
    section: Section,
    *,
    body: dict[str, Any],
    rate: float = _RATE,
    succeeded_within: float | None = None,
) -> None:
    """Single jobs on an idle lane; `succeeded_within` is the target of their p50, in milliseconds."""
    bare = await _bare(deployment, count)
    project = f"p{secrets.token_hex(4)}"
    load = Load(
        url=deployment.jobs_of(project),
        body=body,
        at_once=4,
        seconds=count / rate,
        rate=rate,
        warm_up=2,
    )
    async with deployment.bus() as bus, queue_heard(bus) as queued:
        (await post_from_outside(load)).check()
        done = await until_ended(bus, project)
    calls = {record.job: record.at.timestamp() for record in deployment.stack.ledger(project)}
    started = spread([times["started"] - queued[job] for job, times in done.items()])
    called = spread([calls[job] - times["accepted"] for job, times in done.items()])
    ended = spread([times["succeeded"] - times["accepted"] for times in done.values()])
    section.note("queued to started, p50", started.p50, "ms", at_most=4, peer=(_PEER, bare.p50))
    section.note("queued to started, p99", started.p99, "ms", peer=(_PEER, bare.p99))
    section.note("accepted to provider call, p50", called.p50, "ms")
    section.note("accepted to provider call, p99", called.p99, "ms")
    section.note("accepted to succeeded, p50", ended.p50, "ms", at_most=succeeded_within)
    section.note("accepted to succeeded, p99", ended.p99, "ms")


async def throughput(
    deployment: Deployment, profile: Profile, section: Section, more: str = ""
) -> None:
    """Jobs of no length, sent faster than they are done."""
    deployment.change_lane("text", cap=64)
    bare = await _bare(deployment, profile.singles)
    project = f"p{secrets.token_hex(4)}"
    load = Load(url=deployment.jobs_of(project), body=scene(), at_once=20, count=profile.stream)
    processes = [*deployment.stack.processes, "nats", "s3"]
    before = {name: deployment.cpu(name) for name in processes}
    async with deployment.bus() as bus:
        begin = await LogPosition.now(bus)
        (await post_from_outside(load)).check()
        await begin.until_ended(profile.stream)
        after = {name: deployment.cpu(name) for name in processes}
        done = await until_ended(bus, project)
    spent = ", ".join(
        f"{name} {(after[name] - before[name]) / len(done) * 1000:.1f}" for name in processes
    )
    section.note(
        f"whole pipeline, jobs of no length{more}",
        len(done) / _length(done.values()),
        "jobs/s",
        at_least=120,
        peer=(_PEER, bare.rate),
        note=f"from the first `accepted` to the last `succeeded`; ms of CPU a job: {spent}",
    )
    deployment.change_lane("text", reset=True)


def _length(times: Iterable[dict[str, float]]) -> float:
    times = list(times)
    return max(t["succeeded"] for t in times) - min(t["accepted"] for t in times)


async def until_ended(bus: JetStream, project: str) -> Timelines:
    """When each job of a project went through what, once all have succeeded."""
    clock = asyncio.get_running_loop().time
    seen, since = -1, clock()
    while True:
        of_project = await timelines(bus, project)
        ended = sum("succeeded" in times for times in of_project.values())
        if of_project and ended == len(of_project):
            return of_project
        if ended != seen:
            seen, since = ended, clock()
        if clock() - since > _STALLED:
            raise TimeoutError(f"{ended} of {len(of_project)} jobs of {project} ended, and no more")
        await asyncio.sleep(1)


async def _bare(deployment: Deployment, count: int) -> Measured:
    task = Task(what="queue", nats=deployment.nats, count=min(count, 100))
    output = await program("bench.raw_nats", task.model_dump_json(), timeout=120)
    return Measured.model_validate_json(output)

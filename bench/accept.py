"""Benchmark of acceptance: latency from the POST to the durable 202."""

import secrets

from bench.accept_limits import accept_with_limits
from bench.deployment import Deployment, deployment, fast_server, post_from_outside, program, scene
from bench.figures import Section, say
from bench.http_load import Load, Posted
from bench.profiles import Profile
from bench.raw_nats import Measured, Task

AT_ONCE = (1, 20, 100)
_RATE = 200.0  #: requests per second of the paced load
_PEER = "bare acknowledged publish"


async def run(profile: Profile, section: Section) -> None:
    with deployment() as running:
        await accept(running, profile, section)
    await accept_with_limits(profile, section, AT_ONCE)
    await _limit_of_the_generator(profile, section)


async def accept(deployment: Deployment, profile: Profile, section: Section) -> None:
    """All loads on one gateway. The lane is paused, and stays so: nothing else is to be measured."""
    deployment.change_lane("text", paused=True)
    for at_once in AT_ONCE:
        load = Load(
            url=deployment.jobs_of(f"p{secrets.token_hex(4)}"),
            body=scene(),
            at_once=at_once,
            seconds=profile.seconds,
        )
        bare = await _bare(deployment, at_once=at_once, seconds=profile.seconds)
        before = deployment.cpu("gateway")
        ours = (await post_from_outside(load)).check()
        spent = (deployment.cpu("gateway") - before) / sum(ours.statuses.values())
        _note(section, at_once, ours, bare, spent)
    await _paced(deployment, profile, section)


def _note(section: Section, at_once: int, ours: Posted, bare: Measured, spent: float) -> None:
    section.note(
        f"accepted, {at_once} at once",
        ours.rate,
        "jobs/s",
        at_least=1_000 if at_once == max(AT_ONCE) else None,
        peer=(_PEER, bare.rate),
        note=f"with an Idempotency-Key, one gateway; {spent * 1000:.2f} ms of CPU each",
    )
    section.note(f"POST to 202, {at_once} at once, p50", ours.p50, "ms", peer=(_PEER, bare.p50))
    section.note(f"POST to 202, {at_once} at once, p99", ours.p99, "ms", peer=(_PEER, bare.p99))


async def _paced(deployment: Deployment, profile: Profile, section: Section) -> None:
    load = Load(
        url=deployment.jobs_of(f"p{secrets.token_hex(4)}"),
        body=scene(),
        at_once=64,
        seconds=profile.paced_seconds,
        rate=_RATE,
    )
    bare = await _bare(deployment, at_once=64, seconds=profile.paced_seconds, rate=_RATE)
    ours = (await post_from_outside(load)).check()
    what = f"POST to 202, {_RATE:.0f} a second"
    section.note(f"{what}, p50", ours.p50, "ms", peer=(_PEER, bare.p50))
    section.note(f"{what}, p99", ours.p99, "ms", at_most=15, peer=(_PEER, bare.p99))


async def _bare(
    deployment: Deployment, *, at_once: int, seconds: float, rate: float | None = None
) -> Measured:
    task = Task(what="publish", nats=deployment.nats, at_once=at_once, seconds=seconds, rate=rate)
    output = await program("bench.raw_nats", task.model_dump_json(), timeout=seconds + 60)
    return Measured.model_validate_json(output)


async def _limit_of_the_generator(profile: Profile, section: Section) -> None:
    say("  … and the generator against a server that does nothing")
    with fast_server() as url:
        load = Load(url=url, body=scene(), at_once=max(AT_ONCE), seconds=profile.seconds)
        posted = (await post_from_outside(load)).check()
    section.note("limit of the generator itself", posted.rate, "requests/s")

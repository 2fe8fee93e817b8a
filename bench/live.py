"""Benchmark of live events: latency, number of clients, and time of a replay."""

import json
import secrets
import time

from bench.deployment import Deployment, deployment, post_from_outside, scene
from bench.figures import Section, say, spread
from bench.http_load import Load
from bench.live_clients import Gathering, gathering
from bench.log_seed import Seeder
from bench.profiles import Profile
from bench.timelines import STAMP
from bench.timelines import seconds as stamp
from heliograph.contracts import subjects
from heliograph.runtime.bus.event_log import STREAM

_RATE = 10.0  #: events per second, for latency
_EVENTS = 200  #: of a burst; a client that is further behind is let go
_HELLO = 3  #: frames: subscribed, the snapshot, caught up
_MANY = 1_000  #: clients of the burst that has a target
_REPLAYS = {1_000: 200.0, 10_000: 1_000.0}  #: events -> milliseconds, at most


async def run(profile: Profile, section: Section) -> None:
    with deployment() as running:
        await live(running, profile, section)


async def live(deployment: Deployment, profile: Profile, section: Section) -> None:
    """All of it. The lane is paused, and stays so: an accepted job is one event and no more."""
    deployment.change_lane("text", paused=True)
    for clients in profile.crowds:
        await _crowd(deployment, clients, profile, section)
    for missed in profile.replays:
        await _replay(deployment, missed, section)


async def _crowd(deployment: Deployment, clients: int, profile: Profile, section: Section) -> None:
    say(f"  {clients} clients")
    project = f"p{secrets.token_hex(4)}"
    async with gathering() as crowd:
        await crowd.join(deployment.stack.live, clients, project=project)
        await crowd.expect(clients * _HELLO)
        await _latency(deployment, crowd, clients, project, profile.paced_seconds, section)
        events = min(_EVENTS, max(1, profile.deliveries // clients))
        await _burst(deployment, crowd, clients, project, events, section)


async def _latency(
    deployment: Deployment,
    crowd: Gathering,
    clients: int,
    project: str,
    seconds: float,
    section: Section,
) -> None:
    """From the server's stamp on an event to the first of the clients."""
    url = deployment.jobs_of(project)
    load = Load(url=url, body=scene(), rate=_RATE, seconds=seconds, warm_up=0)
    (await post_from_outside(load)).check()
    heard = await crowd.expect(clients * round(seconds * _RATE))
    stored = {}
    async with deployment.bus() as bus:
        async for message in bus.read_all(STREAM, subjects.event(project, "*")):
            stored[message.sequence] = stamp(message.headers[STAMP])
    delays = spread([at - stored[json.loads(text)["sequence"]] for at, text in heard.kept])
    note = f"{_RATE:g} events/s, {clients * _RATE:,.0f} deliveries/s"
    section.note(f"event to client, {clients} clients, p50", delays.p50, "ms", note=note)
    section.note(f"event to client, {clients} clients, p99", delays.p99, "ms")


async def _burst(
    deployment: Deployment,
    crowd: Gathering,
    clients: int,
    project: str,
    events: int,
    section: Section,
) -> None:
    """As many events as fit into a client's outbox, all at once."""
    before = deployment.cpu("status")
    async with deployment.bus() as bus:
        began = time.time()
        await Seeder(bus).canceled(project, events)
    heard = await crowd.expect(clients * events)
    spent = deployment.cpu("status") - before
    section.note(
        f"deliveries of one status process, {clients} clients",
        heard.frames / (heard.ended - began),
        "frames/s",
        at_least=45_000 if clients >= _MANY else None,
        note=f"{events} events, {heard.bytes / heard.frames:,.0f} bytes a frame; "
        f"{spent / heard.frames * 1e6:,.1f} µs of CPU a frame",
    )


async def _replay(deployment: Deployment, missed: int, section: Section) -> None:
    """A client comes back that missed so many events."""
    project = f"p{secrets.token_hex(4)}"
    async with gathering() as crowd:
        await crowd.join(deployment.stack.live, 1, project=project)
        subscribed = json.loads((await crowd.expect(_HELLO)).kept[0][1])
    after = {"epoch": subscribed["epoch"], "sequence": subscribed["head"]}
    async with deployment.bus() as bus:
        await Seeder(bus).canceled(project, missed)
    await deployment.until_idle("status")  # it has read them long before, in life
    before = deployment.cpu("status")
    async with gathering() as crowd:
        began = time.time()
        await crowd.join(deployment.stack.live, 1, project=project, after=after)
        heard = await crowd.expect(missed + _HELLO - 1)
    spent = deployment.cpu("status") - before
    section.note(
        f"replay of {missed:,} missed events",
        (heard.ended - began) * 1000,
        "ms",
        at_most=_REPLAYS.get(missed),
        note=f"{heard.bytes / heard.frames:,.0f} bytes a frame; connecting included; "
        f"{spent * 1000:,.0f} ms of CPU",
    )

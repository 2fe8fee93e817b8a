"""Benchmark of a thundering herd: time until all clients have caught up after a restart of status."""

import asyncio
import json
import secrets
import time

import httpx

from bench.deployment import Deployment, deployment
from bench.figures import Section, say
from bench.live_clients import gathering
from bench.log_seed import Seeder
from bench.profiles import Profile

_HELLO = 3  #: frames: subscribed, the snapshot, caught up
_FRAMES = 2  #: of a client that resumes, beside the events: subscribed, caught up
_MISSED = 1_000  #: events
_WITHIN = {200: 10.0, 1_000: 40.0}  #: clients -> seconds, at most
_PROBE = 0.02  #: seconds between two questions whether the loop is free


async def run(profile: Profile, section: Section) -> None:
    with deployment() as running:
        running.change_lane("text", paused=True)
        for clients in profile.herds:
            await _herd(running, clients, section)


async def _herd(deployment: Deployment, clients: int, section: Section) -> None:
    say(f"  {clients} clients come back")
    project = f"p{secrets.token_hex(4)}"
    after = await _cursor(deployment, project)
    async with deployment.bus() as bus:
        await Seeder(bus).canceled(project, _MISSED)
    deployment.stack.restart("status")
    began = time.time()
    await deployment.until_ready("status")
    async with gathering() as crowd:
        probing = asyncio.create_task(
            _longest_response(f"{deployment.stack.url('status')}/healthz")
        )
        await crowd.join(deployment.stack.live, clients, project=project, after=after)
        heard = await crowd.expect(clients * (_MISSED + _FRAMES))
        probing.cancel()
        longest = await probing
    section.note(
        f"{clients} clients have caught up with {_MISSED:,} events",
        heard.ended - began,
        "s",
        at_most=_WITHIN.get(clients),
        note="from the kill of status on, its start included; "
        f"longest response of /healthz meanwhile {longest * 1000:.0f} ms",
    )


async def _cursor(deployment: Deployment, project: str) -> dict[str, object]:
    """Where a client of the project stands before it misses anything."""
    async with gathering() as crowd:
        await crowd.join(deployment.stack.live, 1, project=project)
        subscribed = json.loads((await crowd.expect(_HELLO)).kept[0][1])
    return {"epoch": subscribed["epoch"], "sequence": subscribed["head"]}


async def _longest_response(url: str) -> float:
    """Seconds of the slowest of many short requests, until it is canceled."""
    longest = 0.0
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        try:
            while True:
                began = time.monotonic()
                await client.get(url)
                longest = max(longest, time.monotonic() - began)
                await asyncio.sleep(_PROBE)
        except asyncio.CancelledError:
            return longest

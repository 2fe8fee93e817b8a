"""Benchmark of latency beside hundreds of deliberately slow connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx

from bench.deployment import Deployment, deployment, post_from_outside, scene
from bench.figures import Section
from bench.http_load import Load
from bench.load import drive
from bench.profiles import Profile
from tests.support.slow_clients import CROWD, Hold

_RATE = 20.0  #: honest requests a second
_AT_ONCE = 10  #: honest clients
_P99 = 300.0  #: milliseconds, at most
_SETTLED = 2.0  #: seconds until the slow ones are all there
_MIX = ", ".join(f"{count} {hold.__name__.replace('_', ' ')}" for hold, count in CROWD.items())


async def run(profile: Profile, section: Section) -> None:
    with deployment() as running:
        running.change_lane("text", paused=True)
        gateway, status = running.stack.url("gateway"), running.stack.url("status")
        await _compare(section, "POST of a job", gateway, lambda: _post(running, profile))
        await _compare(section, "request to status", status, lambda: _ask(status, profile))


async def _compare(
    section: Section, what: str, url: str, measure: Callable[[], Awaitable[float]]
) -> None:
    """What is measured beside the crowd at a service, and alone."""
    alone = await measure()
    async with _crowd(url):
        beside = await measure()
    section.note(
        f"{what} beside {sum(CROWD.values())} slow connections, p99",
        beside,
        "ms",
        at_most=_P99,
        note=f"alone {alone:.0f} ms; {_MIX}",
    )


async def _post(deployment: Deployment, profile: Profile) -> float:
    """Milliseconds in which 99 of 100 jobs are accepted, from a process of its own."""
    load = Load(
        url=deployment.jobs_of("slow"),
        body=scene(),
        at_once=_AT_ONCE,
        rate=_RATE,
        seconds=profile.paced_seconds,
    )
    return (await post_from_outside(load)).check().p99


async def _ask(url: str, profile: Profile) -> float:
    """Milliseconds in which 99 of 100 short requests have their response."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:

        async def ask() -> None:
            (await http.get(f"{url}/healthz")).raise_for_status()

        driven = await drive([ask] * _AT_ONCE, seconds=profile.paced_seconds, rate=_RATE)
    return driven.spread.p99


@asynccontextmanager
async def _crowd(url: str) -> AsyncIterator[None]:
    """The crowd at a service; who is cut off comes again."""

    async def come_again(hold: Hold) -> None:
        while True:
            await hold(url)

    holding = [
        asyncio.create_task(come_again(hold)) for hold, count in CROWD.items() for _ in range(count)
    ]
    await asyncio.sleep(_SETTLED)
    try:
        yield
    finally:
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)

"""`make chaos`: status stands still for 40 seconds, its connections stay open, and nothing is missed."""

import asyncio
import signal

import pytest

from tests.chaos.test_typescript_client import bus_of, following, write_events
from tests.support.stack import Stack

FROZEN = 40  #: seconds: longer than a client waits for a reply to its ping
EVENTS = 500


@pytest.mark.timeout(900)
@pytest.mark.parametrize("carrier", ["websocket", "sse"])
async def test_a_follower_notices_a_service_that_stands_still_and_misses_nothing(
    carrier: str, fragile: Stack, project: str
) -> None:
    async with bus_of(fragile) as bus, following(fragile, project, carrier) as follower:
        written = await write_events(bus, project, EVENTS)
        await follower.until_seen(len(written))
        assert fragile.kill("status", signal.SIGSTOP)
        try:
            written += await write_events(bus, project, EVENTS)
            await asyncio.sleep(FROZEN)
            is_noticed = not follower.is_live()
        finally:
            fragile.kill("status", signal.SIGCONT)
        await follower.until_seen(len(written))
        await follower.until(follower.is_live)

    live = [line for line in follower.lines if line.get("state") == "live"]
    assert is_noticed
    assert sum(line["missed"] for line in live) == EVENTS
    assert follower.events() == sorted(written)
    assert len(follower.snapshots()) == 1

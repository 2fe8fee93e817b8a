"""Live clients that ask for much get all of it, and take neither the memory nor the time of others."""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL

import httpx
import pytest
from websockets.asyncio.client import connect

from deploy.local.processes import ROOT
from heliograph.client import Client
from tests.support.records import some_project
from tests.support.servers import free_port
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT
from tests.support.watcher import Watcher, watching

BATCHES, IN_A_BATCH = 6, 45  #: jobs, as many as fit a body
PROMPT = "x" * 19_000
MANY = 40  #: subscriptions of one connection
MOST_GROWTH = 200 * 2**20  #: bytes
SOON = 5.0  #: seconds until somebody else hears of an event, on a busy machine
BUSY_LANE = {"seconds": 600}
COME_BACK_LATER = 1013


def _peak(stack: Stack) -> int:
    """The most memory that status has had, in bytes."""
    text = Path(f"/proc/{stack.pid('status')}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", text)
    assert match
    return int(match[1]) * 1024


async def _fill(client: Client) -> int:
    """Open jobs with large records; how many."""
    request = {"kind": "scenes", "prompt": PROMPT, "parameters": BUSY_LANE}
    for _ in range(BATCHES):
        await client.batch([request] * IN_A_BATCH)
    return BATCHES * IN_A_BATCH


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_many_snapshots_over_one_connection_take_little_memory_and_delay_no_other_client(
    stack: Stack, client: Client, project: str
) -> None:
    jobs = await _fill(client)
    other = stack.client(some_project())
    async with asyncio.timeout(TIMEOUT):  # the read model is a moment behind
        while len([job async for job in client.jobs(limit=200)]) < jobs:
            await asyncio.sleep(0.2)
    before = _peak(stack)
    shown: dict[int, set[str]] = {}
    whole: set[int] = set()

    async with (
        other,
        connect(stack.live, max_size=None) as greedy,
        watching(stack.live, project=other.project) as neighbour,
    ):
        await neighbour.until(lambda frame: frame["op"] == "snapshot")
        for number in range(MANY):
            await greedy.send(json.dumps({"op": "subscribe", "id": number, "project": project}))
        asking = asyncio.create_task(_heard_after(other, neighbour))
        async with asyncio.timeout(TIMEOUT):
            while len(whole) < MANY:
                frame = json.loads(await greedy.recv())
                if frame["op"] == "snapshot":
                    shown.setdefault(frame["id"], set()).update(j["id"] for j in frame["jobs"])
                    whole |= set() if frame["more"] else {frame["id"]}
        seconds = await asking

    await client.act("cancel", filter={"kind": "scenes"})
    assert {len(ids) for ids in shown.values()} == {jobs}
    assert _peak(stack) - before < MOST_GROWTH
    assert seconds < SOON


async def _heard_after(client: Client, neighbour: Watcher) -> float:
    """Seconds until a neighbour hears of a job of its own."""
    began = time.monotonic()
    await client.submit(kind="image", prompt="x", parameters={"seconds": 0})
    await neighbour.until(lambda frame: frame["op"] == "event")
    return time.monotonic() - began


@asynccontextmanager
async def _another_status(stack: Stack, **settings: str) -> AsyncIterator[str]:
    """One more status process with settings of its own; the host and port it listens on."""
    port = free_port()
    named = {f"HELIOGRAPH_{name.upper()}": value for name, value in settings.items()}
    environment = {**stack.environment, "HELIOGRAPH_STATUS_PORT": str(port), **named}
    command = [sys.executable, "-m", "services.status"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await _until_listening(http)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), TIMEOUT)


async def _until_listening(http: httpx.AsyncClient) -> None:
    """Until the hub hears the bus, whatever its database does."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                report = (await http.get("/readyz")).json()
                if report["dependencies"]["nats"] == "ok":
                    return
            except (httpx.TransportError, ValueError):
                pass
            await asyncio.sleep(0.1)


async def test_over_a_cap_a_live_client_is_refused_with_a_retry_delay(
    stack: Stack, project: str
) -> None:
    async with _another_status(stack, max_live="1", max_streams="1") as place:
        address, events = f"ws://{place}/v1/live", f"http://{place}/v1/events"
        async with watching(address, project=project) as first, watching(address) as second:
            await first.until(lambda frame: frame["op"] == "snapshot")
            assert await second.until_closed() == COME_BACK_LATER

        query = {"project": project}
        async with (
            httpx.AsyncClient(timeout=TIMEOUT) as http,
            http.stream("GET", events, params=query) as stream,
        ):
            assert stream.status_code == 200
            chunks = stream.aiter_text()  # one that nobody holds on to would close the stream
            await anext(chunks)
            async with http.stream("GET", events, params=query) as refused:
                assert refused.status_code == 503  # a stream that is served has no end to read to
                await refused.aread()

    assert refused.json()["code"] == "unavailable"
    assert refused.headers["Retry-After"]


async def test_a_project_has_so_many_subscriptions_and_gives_them_back(
    stack: Stack, project: str
) -> None:
    async with _another_status(stack, max_subscriptions="2") as place:
        address = f"ws://{place}/v1/live"
        async with watching(address, project=project) as first:
            await first.say(op="subscribe", id=2, project=project)
            await first.say(op="subscribe", id=3, project=some_project())
            for _ in range(3):
                await first.until(lambda frame: frame["op"] == "snapshot")
            async with watching(address, project=project) as second:
                assert await second.until_closed() == COME_BACK_LATER
            await first.say(op="unsubscribe", id=2)
            await first.say(op="ping")
            await first.until(lambda frame: frame["op"] == "pong")
            async with watching(address, project=project) as third:
                await third.until(lambda frame: frame["op"] == "snapshot")


async def test_an_unavailable_database_is_not_an_error_of_a_subscription(
    stack: Stack, project: str
) -> None:
    nowhere = f"postgresql+asyncpg://u:p@127.0.0.1:{free_port()}/none"
    async with _another_status(stack, database_url=nowhere, live_subscribe_timeout="0.5") as place:
        async with watching(f"ws://{place}/v1/live", project=project) as watcher:
            code = await watcher.until_closed()
        async with httpx.AsyncClient(timeout=TIMEOUT) as http:
            response = await http.get(f"http://{place}/v1/events", params={"project": project})

    assert code == COME_BACK_LATER
    assert {frame["op"] for frame in watcher.frames} <= {"subscribed"}
    assert response.status_code == 200
    assert "event: error" not in response.text

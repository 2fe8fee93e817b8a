"""The TypeScript client misses no event and pays nothing twice, whatever breaks."""

import asyncio
import json
import os
import random
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from heliograph.contracts.job_events import Canceled
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.provisioning import EPOCH
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.settings import ServiceSettings
from tests.support.cutting_proxy import cutting_proxy
from tests.support.node import node, output_of
from tests.support.records import CURRENT_CATALOG, a_record
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PROGRAMS = Path(__file__).parent / "typescript"
KILLS = int(os.environ.get("CRASH_ROUNDS", "3"))  #: 20 of `make chaos` are 10,000 events
EVENTS = 500  #: written around each kill
AT_ONCE = 20  #: jobs whose events are written side by side
SUBMITS, PRICE = 500, "0.01"
REQUEST_BYTES = 1_500  #: of a submit and its response, about

Line = dict[str, Any]


class Follower:
    """A program that follows a project, and what it said so far."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.lines: list[Line] = []

    async def read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def events(self) -> list[int]:
        """Sequences, in the order in which they were told."""
        return [line["sequence"] for line in self.lines if line.get("kind") == "event"]

    def snapshots(self) -> list[Line]:
        return [line for line in self.lines if line.get("kind") == "snapshot"]

    def is_live(self) -> bool:
        states = [line["state"] for line in self.lines if "state" in line]
        return states[-1:] == ["live"]

    async def until_seen(self, count: int) -> None:
        """Until so many events were told."""
        await self.until(lambda: len(self.events()) >= count)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not holds():
                await asyncio.sleep(0.05)


@asynccontextmanager
async def following(
    stack: Stack, project: str, carrier: str = "websocket"
) -> AsyncIterator[Follower]:
    """A follower that is live."""
    arguments = (stack.url("gateway"), project, carrier)
    async with node(PROGRAMS / "follow_events.js", *arguments) as process:
        follower = Follower(process)
        reading = asyncio.create_task(follower.read())
        await follower.until(follower.is_live)
        yield follower
        reading.cancel()


@asynccontextmanager
async def bus_of(stack: Stack) -> AsyncIterator[NatsBus]:
    settings = ServiceSettings(home=stack.home, nats_port=stack.ports["nats"])
    bus = NatsBus(settings, CURRENT_CATALOG, "test")
    await bus.open()
    yield bus
    await bus.close()


async def write_events(bus: NatsBus, project: str, count: int) -> list[int]:
    """Events of jobs that are canceled as soon as they are accepted. Returns their sequences."""
    turns, sequences = asyncio.Semaphore(AT_ONCE), list[int]()

    async def one_job() -> None:
        async with turns:
            entry = await append_event(bus.events, "accepted", a_record(project=project), 0)
            ended = await transition(bus.events, entry, Canceled())
            sequences.extend((entry.sequence, ended.sequence))

    await asyncio.gather(*(one_job() for _ in range(count // 2)))
    return sequences


@pytest.mark.timeout(900)
@pytest.mark.parametrize("carrier", ["websocket", "sse"])
async def test_a_follower_sees_each_event_once_while_status_is_killed(
    carrier: str, fragile: Stack, project: str
) -> None:
    written = list[int]()
    async with bus_of(fragile) as bus, following(fragile, project, carrier) as follower:
        for _ in range(KILLS):
            writing = asyncio.create_task(write_events(bus, project, EVENTS))
            await follower.until_seen(len(written) + 1)
            await asyncio.to_thread(fragile.restart, "status")
            written += await writing
        await follower.until_seen(len(written))

    assert follower.events() == sorted(written)
    assert len(follower.snapshots()) == 1


async def test_a_log_with_another_epoch_is_followed_from_a_snapshot(
    fragile: Stack, project: str
) -> None:
    async with bus_of(fragile) as bus, following(fragile, project) as follower:
        await write_events(bus, project, 10)
        await follower.until_seen(10)
        await _change_epoch(bus)
        await asyncio.to_thread(fragile.restart, "status")
        await follower.until(lambda: len(follower.snapshots()) == 2 and follower.is_live())
        later = await write_events(bus, project, 4)
        await follower.until(lambda: follower.events()[-1] == max(later))

    first, second = follower.snapshots()
    restored = follower.lines[follower.lines.index(second) :]
    told = [line for line in restored if "kind" in line]
    sequences = [line["sequence"] for line in told]
    assert {line["epoch"] for line in told} == {second["epoch"]} != {first["epoch"]}
    assert len({job for line in told for job in line["jobs"]}) == 7
    assert sequences == sorted(set(sequences))


async def _change_epoch(bus: NatsBus) -> None:
    """As after a restore of the log from a backup."""
    config = (await bus.jetstream.api(f"STREAM.INFO.{STREAM}"))["config"]
    config["metadata"][EPOCH] = "restored"
    await bus.jetstream.api(f"STREAM.UPDATE.{STREAM}", config)


async def test_submits_that_are_cut_at_any_byte_are_paid_once(fragile: Stack, project: str) -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)

    def budget() -> int | None:
        return rng.randrange(1, REQUEST_BYTES) if rng.random() < 0.5 else rng.randrange(30_000)

    async with cutting_proxy(budget) as proxy:
        name = f"127.0.0.1:{proxy.port}"
        with fragile.another("gateway", HELIOGRAPH_ALLOWED_HOSTS=name) as (_, gateway):
            proxy.target = urlsplit(gateway).port or 0
            program = PROGRAMS / "submit_jobs.js"
            jobs = await output_of(program, f"http://{name}", project, str(SUBMITS), PRICE)

    async with fragile.client(project) as client:
        ended = await client.finish(*jobs, timeout=200)
    paid = [line.job for line in fragile.ledger(project)]
    assert len(set(jobs)) == SUBMITS, seed
    assert {job.status for job in ended} == {"succeeded"}, seed
    assert sorted(paid) == sorted(jobs), seed
    assert proxy.cuts >= SUBMITS / 10, seed

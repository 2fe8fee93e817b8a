"""Time is the server's: whatever the clocks of our hosts show, nothing ends too early or too late."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from heliograph.runtime.bus.nats_bus import NatsBus, set_clock
from heliograph.runtime.clock import ServerClock
from tests.support.clocks import WallClock
from tests.support.fal.emulator_process import FalAccount, FalServer
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT

_TEN_MINUTES = 600


@pytest.fixture
def prompt() -> str:
    return f"a lighthouse {uuid4().hex}"


@pytest.fixture(scope="module")
def fal(fal_server: FalServer) -> FalAccount:
    return fal_server.account(uuid4().hex)


@pytest.fixture(scope="module")
def wall_clock(tmp_path_factory: pytest.TempPathFactory) -> WallClock:
    """Of every process of ours."""
    return WallClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(autouse=True)
def _right_again(wall_clock: WallClock) -> Iterator[None]:
    wall_clock.set(0)
    yield
    wall_clock.set(0)


@pytest.fixture(scope="module")
def stack(
    fal: FalAccount, wall_clock: WallClock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    settings = {"HELIOGRAPH_FAL_BASE_URL": fal.url, "FAL_KEY": fal.key, **wall_clock.environment}
    with stack_running(tmp_path_factory.mktemp("skewed") / "home", settings) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack, project: str) -> AsyncIterator[Client]:
    async with stack.client(project) as client:
        yield client


def _is_over(job: Job) -> bool:
    return job.finished_at is not None


async def until(client: Client, job: str, holds: Callable[[Job], bool]) -> Job:
    async with asyncio.timeout(TIMEOUT):
        while not holds(current := await client.get(job)):
            await asyncio.sleep(0.05)
    return current


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize("step", [_TEN_MINUTES, -_TEN_MINUTES])
async def test_a_clock_that_is_set_while_a_request_renders_stops_and_cancels_nothing(
    client: Client, fal: FalAccount, wall_clock: WallClock, prompt: str, step: int
) -> None:
    fal.plan(prompt, seconds=6)
    job = await client.submit(
        kind="portrait", prompt=prompt, model="fal/flux-schnell", finish_by=soon(120)
    )
    await until(client, job.id, lambda current: current.phase in ("provider_queue", "rendering"))

    wall_clock.set(step)
    ended = await until(client, job.id, _is_over)

    assert (ended.status, ended.charged) == ("succeeded", "yes")
    assert not [each for each in fal.heard if each["path"].endswith("/cancel")]
    assert len(fal.accepted(prompt)) == 1


@pytest.mark.parametrize("step", [_TEN_MINUTES, -_TEN_MINUTES])
async def test_a_deadline_is_kept_by_hosts_whose_clocks_are_wrong(
    client: Client, wall_clock: WallClock, step: int
) -> None:
    wall_clock.set(step)

    job = await client.submit(
        kind="image", prompt="x", parameters={"seconds": 60}, finish_by=soon(4)
    )
    began = time.monotonic()
    ended = await until(client, job.id, _is_over)

    assert (ended.status, ended.error and ended.error.code) == ("expired", "deadline")
    assert 2 < time.monotonic() - began < 90
    assert abs(ended.created_at - datetime.now(UTC)) < timedelta(seconds=60)


@pytest.mark.parametrize("step", [_TEN_MINUTES, -_TEN_MINUTES])
async def test_a_pause_before_another_attempt_is_as_long_as_it_should_be(
    client: Client, wall_clock: WallClock, step: int
) -> None:
    """The clock is set between the refusal and the second attempt."""
    job = await client.submit(
        kind="image", prompt="x", parameters={"seconds": 0, "fault": "rate_limited"}
    )
    wall_clock.set(step)
    began = time.monotonic()

    ended = await until(client, job.id, _is_over)

    assert ended.status == "succeeded"
    assert time.monotonic() - began < 90


async def test_the_clock_is_that_of_the_server(
    bus: NatsBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is on this host, so this host's clock is right."""
    mine = ServerClock()
    monkeypatch.setattr("heliograph.runtime.bus.nats_bus.clock", mine)

    await set_clock(bus.jetstream)

    assert abs(mine.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert mine.now() != datetime.now(UTC), "it is not simply the host's"

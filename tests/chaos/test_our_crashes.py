"""A crash of ours is not the provider's: it costs a job no attempt, and a job that always crashes ends."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from heliograph.runtime.crash_points import Point
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

#: `started` is written, and then the intent; the POST is never begun
_POINTS: list[Point] = ["start.written", "submit.intended"]


@pytest.fixture
async def client(fragile: Stack, project: str) -> AsyncIterator[Client]:
    async with fragile.client(project) as client:
        yield client


async def crash(crashes: Path, point: Point, times: int) -> None:
    """Have render die at the point so many times, one after the other."""
    armed = crashes / point
    for _ in range(times):
        armed.touch()
        async with asyncio.timeout(TIMEOUT):
            while armed.exists():
                await asyncio.sleep(0.05)


async def end_of_job(client: Client, crashes: Path, point: Point, times: int) -> Job:
    """The end of a job during which render dies at the point so many times."""
    async with asyncio.TaskGroup() as group:
        group.create_task(crash(crashes, point, times))  # armed before the job is sent
        job = await client.submit(
            kind="image", prompt="x", parameters={"seconds": 0, "price": "0.01"}
        )
    [ended] = await client.finish(job.id)
    return ended


async def names_of(job: Job) -> list[str]:
    assert job.links
    async with httpx.AsyncClient() as http:
        events = (await http.get(job.links.events)).json()["items"]
    return [event["type"].split(".")[2] for event in events]


@pytest.mark.parametrize("point", _POINTS)
async def test_crashes_before_the_post_use_up_no_attempt(
    fragile: Stack, client: Client, crashes: Path, project: str, point: Point
) -> None:
    ended = await end_of_job(client, crashes, point, 3)

    assert (ended.status, ended.charged, ended.attempt) == ("succeeded", "yes", 1)
    names = await names_of(ended)
    assert names.count("started") == 4
    assert names.count("submitting") == (4 if point == "submit.intended" else 1)
    assert len(fragile.ledger(project)) == 1


@pytest.mark.parametrize("point", _POINTS)
async def test_a_job_in_which_every_start_crashes_is_poison(
    fragile: Stack, client: Client, crashes: Path, project: str, point: Point
) -> None:
    ended = await end_of_job(client, crashes, point, 5)

    assert (ended.status, ended.error and ended.error.code) == ("failed", "poison")
    assert (ended.charged, ended.cost.actual) == ("no", Decimal(0))
    assert fragile.ledger(project) == []

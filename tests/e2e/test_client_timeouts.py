"""A client waits for what there is, for as long as it is told, and for nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from heliograph.client import Client
from heliograph.client_errors import RequestRejected, WaitedTooLong
from heliograph.contracts.id_generation import new_job_id
from heliograph.live_stream import LiveEvent
from tests.support.records import some_project
from tests.support.stack import Stack

FAST = {"seconds": 0}
SLOW = {"seconds": 600}
AT_ONCE = 10.0  #: seconds, on a busy machine


async def test_a_job_that_is_not_there_is_not_waited_for(client: Client) -> None:
    began = time.monotonic()
    for waiting in (client.wait(new_job_id()), client.finish(new_job_id(), new_job_id())):
        with pytest.raises(RequestRejected) as refused:
            await waiting
        assert refused.value.problem.code == "not_found"

    assert time.monotonic() - began < AT_ONCE


async def test_a_job_of_another_project_is_not_waited_for(stack: Stack, client: Client) -> None:
    async with stack.client(some_project()) as other:
        job = await other.submit(kind="image", prompt="x", parameters=FAST)
        await other.wait(job.id)

    with pytest.raises(RequestRejected) as refused:
        await client.wait(job.id)

    assert refused.value.problem.code == "not_found"


async def test_one_wrong_name_among_many_is_reported(client: Client) -> None:
    job = await client.submit(kind="image", prompt="x", parameters=FAST)

    with pytest.raises(RequestRejected, match="not_found"):
        async with client.follow(job.id, "job_01ARZ3NDEKTSV4RRFFQ69G5FAV") as events:
            await _drain(events)


async def test_waiting_ends_when_its_time_is_over_and_the_job_goes_on(client: Client) -> None:
    job = await client.submit(kind="image", prompt="x", parameters=SLOW)

    with pytest.raises(WaitedTooLong):
        await client.wait(job.id, timeout=0.5)
    with pytest.raises(TimeoutError):
        await client.finish(job.id, timeout=0.5)
    with pytest.raises(WaitedTooLong):
        async with client.follow(timeout=0.5) as events:
            await _drain(events)

    assert (await client.get(job.id)).finished_at is None
    await client.cancel(job.id)


async def test_nothing_to_wait_for_is_over_at_once(client: Client) -> None:
    assert await client.finish() == []


async def test_a_job_is_found_the_moment_it_is_accepted(client: Client) -> None:
    """The read model is a moment behind; the log is not."""
    jobs = [await client.submit(kind="image", prompt="x", parameters=FAST) for _ in range(3)]

    ended = await asyncio.gather(*(client.wait(job.id, timeout=60) for job in jobs))

    assert [job.status for job in ended] == ["succeeded"] * 3


async def test_more_jobs_than_a_subscription_takes_are_waited_for(client: Client) -> None:
    request = {"kind": "image", "prompt": "x", "parameters": SLOW}
    batch = await client.batch([request] * 310)
    jobs = [item.job.id for item in batch.items if item.job]
    await client.act("cancel", ids=jobs)

    ended = await client.finish(*jobs, jobs[0], timeout=80)

    assert [job.id for job in ended] == [*jobs, jobs[0]]
    assert {job.status for job in ended} == {"canceled"}


async def _drain(events: AsyncIterator[LiveEvent]) -> None:
    async for _ in events:
        pass

"""Fair and bounded, with two processes of each kind: who waits for whom, and how long the line may be."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.cloudevents import event_type
from heliograph.contracts.jobs import Job
from tests.e2e.isolated.conftest import LIMIT, PROJECT_LIMIT
from tests.support.polling import until_one_runs, until_true
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

LANE, CAP, PREFETCH = "text", 4, 2  # texts cost next to nothing to make


@pytest.fixture
async def http(bounded: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=bounded.url("gateway"), timeout=TIMEOUT) as http:
        yield http


async def _submit(client: Client, count: int, seconds: float = 0.15, **fields: str) -> list[Job]:
    submissions = (
        client.submit(kind="scenes", prompt=f"{n}", parameters={"seconds": seconds}, **fields)
        for n in range(count)
    )
    return list(await asyncio.gather(*submissions))


async def _sequences(http: httpx.AsyncClient, jobs: list[Job], name: str) -> list[int]:
    """Where the events of that name stand in the log of everything."""
    histories = [(await http.get(f"/v1/jobs/{job.id}/events")).json()["items"] for job in jobs]
    event_name = event_type(name)
    return sorted(e["sequence"] for items in histories for e in items if e["type"] == event_name)


async def _passed_by(http: httpx.AsyncClient, job: Job, others: list[Job]) -> int:
    """How many of the others were started while the job waited."""
    [accepted] = await _sequences(http, [job], "accepted")
    [started] = await _sequences(http, [job], "started")
    return sum(accepted < each < started for each in await _sequences(http, others, "started"))


async def test_a_small_project_does_not_wait_for_a_large_one(
    bounded: Stack, http: httpx.AsyncClient
) -> None:
    async with bounded.client(some_project()) as large, bounded.client(some_project()) as small:
        many = await _submit(large, 50)
        [one] = await _submit(small, 1)
        await asyncio.gather(large.finish(*(job.id for job in many)), small.finish(one.id))

    assert await _passed_by(http, one, many) <= CAP + PREFETCH + 1


async def test_a_small_project_waits_for_one_job_where_they_take_a_while(
    bounded: Stack, http: httpx.AsyncClient
) -> None:
    async with bounded.client(some_project()) as large, bounded.client(some_project()) as small:
        # the dispatcher learns how long they take
        measured = await _submit(large, CAP, seconds=1.5)
        await large.finish(*(job.id for job in measured))
        await http.patch(f"/v1/lanes/{LANE}", json={"cap": 1})
        [first] = await _submit(large, 1, seconds=600)
        await until_one_runs(large, [first.id])  # in the only place, until all others wait
        many = await _submit(large, 5)
        await _until_queued(http, len(many))
        [one] = await _submit(small, 1)
        await _until_queued(http, len(many) + 1)
        await large.cancel(first.id)
        await small.finish(one.id)
        await http.patch(f"/v1/lanes/{LANE}", json={"reset": True})
        await large.finish(*(job.id for job in many))

    assert await _passed_by(http, one, many) <= 1


async def _until_queued(http: httpx.AsyncClient, count: int) -> None:
    """Until the dispatcher knows of so many jobs that wait, by the cap that the lane has now."""

    async def is_so() -> bool:
        return bool((await http.get(f"/v1/lanes/{LANE}/queue")).json()["waiting"] == count)

    await until_true(is_so)


async def test_what_is_urgent_passes_what_is_not(bounded: Stack, http: httpx.AsyncClient) -> None:
    async with bounded.client(some_project()) as client:
        many = await _submit(client, 50, priority="low")
        [one] = await _submit(client, 1, priority="high")
        await client.finish(one.id, *(job.id for job in many))

    assert await _passed_by(http, one, many) <= CAP + PREFETCH + 1


async def test_two_projects_have_turns(bounded: Stack, http: httpx.AsyncClient) -> None:
    async with bounded.client(some_project()) as first, bounded.client(some_project()) as second:
        await http.patch(f"/v1/lanes/{LANE}", json={"paused": True})
        early = await _submit(first, 40)
        late = await _submit(second, 20)
        await http.patch(f"/v1/lanes/{LANE}", json={"paused": False})
        await asyncio.gather(
            first.finish(*(job.id for job in early)), second.finish(*(job.id for job in late))
        )

    begun = await _sequences(http, late, "started")
    passed = sum(begun[0] < each < begun[-1] for each in await _sequences(http, early, "started"))
    assert abs(passed - len(late)) <= CAP + PREFETCH


async def test_another_process_dispatches_when_one_dies(
    bounded: Stack, http: httpx.AsyncClient
) -> None:
    async with bounded.client(some_project()) as client:
        jobs = await _submit(client, 40)
        for name in ("render", "render-2"):
            old = bounded.pid(name)
            assert old
            bounded.kill(name)
            bounded.until_restarted(name, old)

        ended = await client.finish(*(job.id for job in jobs))

    assert {job.status for job in ended} == {"succeeded"}


async def test_a_project_with_too_many_jobs_is_refused_with_a_retry_delay(
    bounded: Stack, http: httpx.AsyncClient
) -> None:
    project, other = some_project(), some_project()
    await http.patch(f"/v1/lanes/{LANE}", json={"paused": True})
    async with bounded.client(project) as client:
        jobs = await _submit(client, PROJECT_LIMIT)

        refused = await _until_refused(http, project)

        assert refused.status_code == 429
        assert refused.json()["code"] == "too_many_jobs"
        assert refused.headers["RateLimit-Policy"] == f'"jobs";q={PROJECT_LIMIT}'
        assert refused.headers["RateLimit"].startswith('"jobs";r=0;t=')
        assert int(refused.headers["Retry-After"]) > 0
        allowed = await _ask(http, other)
        assert allowed.status_code == 202
        await http.patch(f"/v1/lanes/{LANE}", json={"reset": True})
        await client.finish(*(job.id for job in jobs))
    await _until_accepted(http, project)


async def test_a_batch_that_has_no_room_as_a_whole_is_refused_as_a_whole(
    bounded: Stack, http: httpx.AsyncClient
) -> None:
    project = some_project()
    jobs = [{"kind": "scenes", "prompt": f"{n}"} for n in range(PROJECT_LIMIT + 1)]

    refused = await http.post(f"/v1/projects/{project}/batches", json={"jobs": jobs})

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_jobs")
    assert refused.headers["RateLimit-Policy"] == f'"jobs";q={PROJECT_LIMIT}'
    assert (await http.get(f"/v1/projects/{project}/jobs")).json()["items"] == []


async def test_the_global_queue_quota_refuses_every_project(
    bounded: Stack, http: httpx.AsyncClient
) -> None:
    await http.patch(f"/v1/lanes/{LANE}", json={"paused": True})
    async with bounded.client(some_project()) as first, bounded.client(some_project()) as second:
        jobs = [(client, await _submit(client, LIMIT // 2)) for client in (first, second)]

        refused = await _until_refused(http, some_project())

        assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
        assert int(refused.headers["Retry-After"]) > 0
        await http.patch(f"/v1/lanes/{LANE}", json={"reset": True})
        for client, mine in jobs:
            await client.finish(*(job.id for job in mine))
    await _until_accepted(http, some_project())


async def _ask(http: httpx.AsyncClient, project: str) -> httpx.Response:
    body = {"kind": "scenes", "prompt": "one more", "parameters": {"seconds": 0}}
    return await http.post(f"/v1/projects/{project}/jobs", json=body)


async def _until_refused(http: httpx.AsyncClient, project: str) -> httpx.Response:
    """The other gateway may have accepted some of them a moment ago."""
    async with asyncio.timeout(TIMEOUT):
        while (response := await _ask(http, project)).status_code == 202:
            await asyncio.sleep(0.1)
    return response


async def _until_accepted(http: httpx.AsyncClient, project: str) -> None:
    """The gateways look at the queue every second."""
    async with asyncio.timeout(TIMEOUT):
        while (await _ask(http, project)).status_code != 202:
            await asyncio.sleep(0.1)

"""Lists for pages: several statuses, counts, progress and positions, projects, the order of a lane."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from heliograph.client import Client
from tests.support.documented import documented_client
from tests.support.polling import until_one_runs
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

LONG = {"seconds": 60, "steps": 60}


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with documented_client(stack.url("gateway"), timeout=TIMEOUT) as http:
        yield http
        await http.patch("/v1/lanes/shots", json={"reset": True})


async def _shots(client: Client, count: int) -> list[str]:
    """Jobs, accepted one after the other."""
    return [
        (await client.submit(kind="shot", prompt=f"shot {n}", parameters=LONG)).id
        for n in range(count)
    ]


async def test_a_list_shows_progress_positions_and_counts(
    http: httpx.AsyncClient, client: Client, project: str
) -> None:
    await http.patch("/v1/lanes/shots", json={"cap": 1})
    jobs = await _shots(client, 3)
    await until_one_runs(client, jobs)
    query = {"status": "queued,running", "order": "oldest", "counts": "true", "kind": "shot"}

    async with asyncio.timeout(TIMEOUT):
        while True:  # the read model and the reports of progress are a moment behind
            page = (await http.get(f"/v1/projects/{project}/jobs", params=query)).json()
            items = page["items"]
            if len(items) == 3 and items[0]["progress"] and items[1]["position"]:
                break
            await asyncio.sleep(0.1)

    assert [each["id"] for each in items] == jobs
    assert items[0]["progress"]["percent"] is not None
    assert items[2]["position"] == items[1]["position"] + 1
    assert page["counts"] == {"queued": 2, "running": 1}
    for job in jobs:
        await client.cancel(job)


@pytest.mark.parametrize("status", ["", "queued,", "queued,nothing", "queued, running"])
async def test_a_list_of_statuses_is_checked(
    http: httpx.AsyncClient, project: str, status: str
) -> None:
    response = await http.get(f"/v1/projects/{project}/jobs", params={"status": status})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/query/status"


async def test_projects_are_listed_by_name(http: httpx.AsyncClient, stack: Stack) -> None:
    names = sorted(some_project() for _ in range(2))
    for name in names:
        async with stack.client(name) as client:
            await client.wait((await client.submit(kind="image", prompt="x")).id)

    counts: dict[str, dict[str, int]] = {}
    async with asyncio.timeout(TIMEOUT):
        while not all(counts.get(name) == {"succeeded": 1} for name in names):
            query = {"limit": "1"}
            while query:
                page = (await http.get("/v1/projects", params=query)).json()
                counts |= {each["project"]: each["counts"] for each in page["items"]}
                query = {"limit": "50", "cursor": page["next"]} if page["next"] else {}

    assert list(counts) == sorted(counts)


async def test_a_lane_shows_who_is_next_across_projects_and_why_each_waits(
    http: httpx.AsyncClient, stack: Stack, client: Client, project: str
) -> None:
    await http.patch("/v1/lanes/shots", json={"cap": 1, "paused": True})
    async with stack.client(some_project()) as other:
        first, second = await _shots(client, 2)
        [third] = await _shots(other, 1)
        waiting = await client.submit(kind="shot", prompt="x", parameters=LONG, after=[first])

        async with asyncio.timeout(TIMEOUT):
            while True:
                queue = (await http.get("/v1/lanes/shots/queue")).json()
                ours = [j for j in queue["items"] if j["project"] in (project, other.project)]
                if len(ours) == 4 and queue["paused"]:
                    break
                await asyncio.sleep(0.05)
        for job in (waiting.id, first, second):
            await client.cancel(job)
        await other.cancel(third)

    assert [each["job"] for each in ours] == [first, third, second, waiting.id]
    assert [each["before_in_project"] for each in ours] == [0, 0, 1, None]
    assert {each["reason"] for each in ours[:3]} == {"lane_paused"}
    assert (ours[3]["reason"], ours[3]["position"]) == ("dependencies", None)
    assert first in ours[3]["detail"]


@pytest.mark.parametrize(("path", "status"), [("nothing/queue", 404), ("shots/queue?limit=0", 422)])
async def test_a_queue_that_is_not_there_is_a_problem(
    http: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await http.get(f"/v1/lanes/{path}")).status_code == status


async def test_a_cursor_continues_no_other_list(
    http: httpx.AsyncClient, client: Client, project: str
) -> None:
    for slot in ("a/one", "a/two"):
        await client.wait((await client.submit(kind="image", prompt="x", slot=slot)).id)
    jobs, slots = f"/v1/projects/{project}/jobs", f"/v1/projects/{project}/slots"
    other = f"/v1/projects/{some_project()}"
    async with asyncio.timeout(TIMEOUT):
        while not (job := (await http.get(jobs, params={"limit": 1})).json()["next"]):
            await asyncio.sleep(0.05)
        while not (slot := (await http.get(slots, params={"limit": 1})).json()["next"]):
            await asyncio.sleep(0.05)

    own = [
        await http.get(jobs, params={"limit": 5, "cursor": job}),
        await http.get(slots, params={"limit": 5, "cursor": slot}),
    ]
    others = [
        await http.get(f"{other}/jobs", params={"cursor": job}),
        await http.get(jobs, params={"cursor": job, "status": "succeeded"}),
        await http.get(jobs, params={"cursor": job, "order": "oldest"}),
        await http.get(jobs, params={"cursor": slot}),
        await http.get(f"{other}/slots", params={"cursor": slot}),
        await http.get(slots, params={"cursor": slot, "prefix": "a"}),
    ]

    assert [len(response.json()["items"]) for response in own] == [1, 1]
    assert [response.status_code for response in others] == 6 * [422]
    pointers = {response.json()["errors"][0]["pointer"] for response in others}
    assert pointers == {"/query/cursor"}

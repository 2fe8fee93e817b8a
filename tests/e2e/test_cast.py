"""References of people with everything running: pairs, and one half made again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from tests.support.documented import documented_client
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PROMPTS = {"a": "a keeper, front view", "b": "a keeper, side view"}
CREATE = {"operation": "create", "prompts": PROMPTS, "aspect_ratio": "3:4"}


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


async def put(
    http: httpx.AsyncClient, body: dict[str, Any], *, person: str = "alice", key: str | None = None
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await http.put(f"/cast/{person}/refs", json=body, headers=headers)


async def made(http: httpx.AsyncClient, body: dict[str, Any], **how: Any) -> dict[str, Any]:
    """The jobs, accepted."""
    response = await put(http, body, **how)
    assert response.status_code == 202, response.text
    jobs: dict[str, Any] = response.json()["jobs"]
    return jobs


async def done(client: Client, jobs: dict[str, Any]) -> None:
    for job in await client.finish(*(job["id"] for job in jobs.values())):
        assert job.status == "succeeded", job


async def current(http: httpx.AsyncClient, half: str) -> dict[str, Any]:
    version: dict[str, Any] = (await http.get(f"/slots/cast/alice/ref_{half}")).json()["current"]
    return version


async def test_a_pair_is_two_jobs_each_for_its_slot(
    client: Client, http: httpx.AsyncClient
) -> None:
    jobs = await made(http, CREATE)
    await done(client, jobs)

    assert {half: job["slot"] for half, job in jobs.items()} == {
        "a": "cast/alice/ref_a",
        "b": "cast/alice/ref_b",
    }
    assert {half: job["prompt"] for half, job in jobs.items()} == PROMPTS
    for half, job in jobs.items():
        assert (job["kind"], job["lane"], job["parameters"]["aspect_ratio"]) == (
            "cast_ref",
            "cast",
            "3:4",
        )
        assert (await current(http, half))["job"] == job["id"]


async def test_one_prompt_serves_both(http: httpx.AsyncClient) -> None:
    jobs = await made(http, {"operation": "create", "prompt": "a keeper"})

    assert {job["prompt"] for job in jobs.values()} == {"a keeper"}


@pytest.mark.parametrize("half", ["a", "b"])
async def test_one_half_is_made_again_from_its_current_version(
    client: Client, http: httpx.AsyncClient, half: str
) -> None:
    await done(client, await made(http, CREATE))
    before = {each: await current(http, each) for each in "ab"}

    again = {"operation": f"rerender_{half}", "prompt": "a keeper", "edit_prompt": "older"}
    jobs = await made(http, again)
    await done(client, jobs)

    assert set(jobs) == {half}
    assert jobs[half]["references"] == [{"asset": before[half]["assets"][0]["id"]}]
    other = "b" if half == "a" else "a"
    assert await current(http, half) != before[half]
    assert (await current(http, other))["job"] == before[other]["job"]


async def test_one_half_is_made_from_exactly_one_reference(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    pair = await made(http, CREATE)
    await done(client, pair)
    both = [{"asset": (await current(http, half))["assets"][0]["id"]} for half in "ab"]

    body = {"operation": "rerender_a", "prompt": "a keeper", "references": both}
    jobs = await made(http, body)
    await done(client, jobs)

    assert jobs["a"]["references"] == both[:1]
    assert jobs["a"]["detail"] == "the first 1 of 2 references are used"
    [sent] = [each for each in stack.ledger(project) if each.job == jobs["a"]["id"]]
    attempts = (await http.get(f"{stack.url('gateway')}/v1/jobs/{sent.job}/attempts")).json()
    [attempt] = attempts["items"]
    assert len(attempt["references"]) == 1


async def test_both_are_made_again_each_from_its_own_version(
    client: Client, http: httpx.AsyncClient
) -> None:
    await done(client, await made(http, CREATE))
    before = {half: await current(http, half) for half in "ab"}

    jobs = await made(http, {"operation": "rerender_both", "prompt": "x", "max_references": 1})

    for half, job in jobs.items():
        assert job["references"] == [{"asset": before[half]["assets"][0]["id"]}]


async def test_the_same_key_is_the_same_pair(http: httpx.AsyncClient) -> None:
    first = await made(http, CREATE, key="k")

    again = await put(http, CREATE, key="k")
    other = await put(http, {**CREATE, "operation": "rerender_both"}, key="k")
    elsewhere = await put(http, CREATE, key="k", person="bob")

    assert again.headers["idempotency-replayed"] == "true"
    assert {half: job["id"] for half, job in again.json()["jobs"].items()} == {
        half: job["id"] for half, job in first.items()
    }
    assert first["a"]["id"] != first["b"]["id"]
    for refused in (other, elsewhere):
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")


async def test_the_same_pair_at_once_is_made_once(http: httpx.AsyncClient) -> None:
    pairs = await asyncio.gather(*(made(http, CREATE, key="k") for _ in range(5)))

    assert len({(jobs["a"]["id"], jobs["b"]["id"]) for jobs in pairs}) == 1


async def test_what_is_being_made_already_is_the_answer(http: httpx.AsyncClient) -> None:
    first = await made(http, CREATE)
    again = await made(http, CREATE)

    assert {half: job["id"] for half, job in again.items()} == {
        half: job["id"] for half, job in first.items()
    }
    assert all(job["deduplicated"] for job in again.values())


async def test_a_half_that_is_busy_refuses_both(client: Client, http: httpx.AsyncClient) -> None:
    running = await client.submit(
        kind="cast_ref", prompt="x", slot="cast/alice/ref_b", parameters={"seconds": 20}
    )

    refused = await put(http, CREATE)

    assert (refused.status_code, refused.json()["code"]) == (409, "slot_busy")
    assert (await http.get("/slots/cast/alice/ref_a")).status_code == 404
    await client.cancel(running.id)


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"operation": "remake"}, 422, "/operation"),
        ({"operation": None}, 422, "/operation"),
        ({"prompts": {"a": "x"}}, 422, "/prompts/b"),
        ({"prompts": {"c": "x"}}, 422, "/prompts/c"),
        ({"prompts": {"a": ""}}, 422, "/prompts/a"),
        ({"prompts": None}, 422, "/prompts/a"),
        ({"aspect_ratio": "7:1"}, 422, "/aspect_ratio"),
        ({"model": "sim/no"}, 422, "/model"),
        ({"references": [{}]}, 422, "/references/0"),
        ({"references": [{"asset": f"ast_{'0' * 26}_0"}]}, 422, "/references/0"),
        ({"max_references": 1}, 422, "/max_references"),
        ({"operation": "rerender_a"}, 422, "/max_references"),
        ({"operation": "rerender_b", "max_references": 2}, 422, "/max_references"),
        ({"slot": "shot/1"}, 422, "/slot"),
    ],
    ids=str,
)
async def test_an_impossible_request_is_refused_with_a_pointer(
    http: httpx.AsyncClient, change: dict[str, Any], status: int, pointer: str
) -> None:
    body = {name: value for name, value in (CREATE | change).items() if value is not None}

    response = await put(http, body)

    problem = response.json()
    assert (response.status_code, [each["pointer"] for each in problem["errors"]]) == (
        status,
        [pointer],
    )
    assert problem["detail"].startswith(pointer)
    assert (await http.get("/slots")).json()["items"] == []


async def test_an_invalid_person_name_is_not_found(http: httpx.AsyncClient) -> None:
    assert (await put(http, CREATE, person="no%20one")).status_code == 404

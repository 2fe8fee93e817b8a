"""Slots with everything running: versions, restoring, and replacing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from tests.support.documented import documented_client
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

SLOT = "portrait/char-123"
FAST = {"seconds": 0}
LONG = {"seconds": 30}
FAILS = {"fault": "reject"}


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


async def ask(client: Client, slot: str = SLOT, **fields: Any) -> Job:
    body = {"kind": "portrait", "prompt": "a keeper", "parameters": FAST, **fields}
    return await client.submit(slot=slot, **body)


async def make(client: Client, slot: str = SLOT, **fields: Any) -> Job:
    """A version more."""
    return await client.wait((await ask(client, slot, **fields)).id)


async def read(http: httpx.AsyncClient, slot: str = SLOT, **query: Any) -> dict[str, Any]:
    response = await http.get(f"/slots/{slot}", params=query)
    assert response.status_code == 200, response.text
    current: dict[str, Any] = response.json()
    return current


async def restore(http: httpx.AsyncClient, version: Any, slot: str = SLOT) -> httpx.Response:
    return await http.post("/restore", json={"slot": slot, "version": version})


# -- versions


async def test_each_success_is_the_next_version(client: Client, http: httpx.AsyncClient) -> None:
    jobs = [await make(client, prompt=f"keeper {n}") for n in range(3)]

    slot = await read(http)

    assert [each["version"] for each in slot["versions"]] == [1, 2, 3]
    assert [each["job"] for each in slot["versions"]] == [job.id for job in jobs]
    assert slot["current"] == slot["versions"][2]
    assert (slot["slot"], slot["active"], slot["failures"]) == (SLOT, None, [])
    assert {"version", "job", "assets", "at"} == set(slot["current"])


async def test_the_pictures_of_a_version_can_be_fetched(
    client: Client, http: httpx.AsyncClient
) -> None:
    job = await make(client)

    [asset] = (await read(http))["current"]["assets"]

    assert asset["sha256"] == job.assets[0].sha256
    async with httpx.AsyncClient(timeout=TIMEOUT) as anybody:
        picture = await anybody.get(asset["url"])
        thumbnail = await anybody.get(asset["variants"]["thumbnail"]["url"])
    assert picture.headers["content-type"] == "image/png"
    assert thumbnail.status_code == 200


async def test_versions_come_in_pages(client: Client, http: httpx.AsyncClient) -> None:
    for n in range(3):
        await make(client, prompt=f"keeper {n}")

    first = await read(http, limit=2)
    rest = await read(http, limit=2, cursor=first["next"])

    assert [each["version"] for each in first["versions"]] == [1, 2]
    assert [each["version"] for each in rest["versions"]] == [3]
    assert rest["next"] is None
    assert first["current"]["version"] == rest["current"]["version"] == 3


async def test_a_result_after_detach_is_not_a_version(
    client: Client, http: httpx.AsyncClient
) -> None:
    job = await ask(client, parameters={"seconds": 4})
    await client.cancel(job.id, "detach")
    await client.finish(job.id)

    assert (await http.get(f"/slots/{SLOT}")).status_code == 404


async def test_a_slot_shows_what_is_running_and_how_far_it_is(
    client: Client, http: httpx.AsyncClient
) -> None:
    await make(client)
    job = await ask(client, prompt="again", parameters={"seconds": 20, "steps": 100})
    async with client.follow(job.id) as events:
        async for event in events:
            if event.report and event.report.progress.percent:
                break

    slot = await read(http)

    assert slot["current"]["version"] == 1
    assert slot["active"]["id"] == job.id
    assert slot["active"]["phase"] == "rendering"
    assert slot["active"]["progress"]["percent"] > 0
    await client.cancel(job.id)


async def test_a_slot_shows_what_failed_since_its_last_success(
    client: Client, http: httpx.AsyncClient
) -> None:
    for parameters in (FAILS, FAST, FAILS, {**FAILS, "seed": 2}):
        job = await ask(client, parameters=parameters)
        await client.finish(job.id)

    slot = await read(http)

    assert slot["current"]["version"] == 1
    assert [each["parameters"].get("seed") for each in slot["failures"]] == [2, None]
    assert {each["error"]["code"] for each in slot["failures"]} == {"provider_rejected"}


async def test_slots_are_listed_by_name(client: Client, http: httpx.AsyncClient) -> None:
    names = ["shot/10", "shot/2", "cast/alice/ref_a"]
    await asyncio.gather(*(make(client, name) for name in names))

    everything = (await http.get("/slots")).json()
    shots = (await http.get("/slots", params={"prefix": "shot/", "limit": 1})).json()
    rest = (await http.get("/slots", params={"prefix": "shot/", "cursor": shots["next"]})).json()

    assert [each["slot"] for each in everything["items"]] == sorted(names)
    assert [each["slot"] for each in shots["items"] + rest["items"]] == ["shot/10", "shot/2"]
    assert rest["next"] is None


async def test_a_project_without_slots_has_an_empty_list(http: httpx.AsyncClient) -> None:
    page = (await http.get("/slots")).json()

    assert (page["items"], page["next"]) == ([], None)
    assert isinstance(page["sequence"], int)
    assert page["epoch"]


@pytest.mark.parametrize(
    ("path", "status", "pointer"),
    [
        ("/slots/shot/99", 404, None),
        ("/slots/no%20slot", 404, None),
        ("/slots/a//b", 404, None),
        ("/slots?prefix=%25", 422, "/query/prefix"),
        ("/slots?limit=0", 422, "/query/limit"),
        ("/slots?nonsense=1", 422, "/query/nonsense"),
        ("/slots/shot/99?cursor=x", 422, "/query/cursor"),
    ],
)
async def test_an_invalid_slot_is_refused(
    http: httpx.AsyncClient, path: str, status: int, pointer: str | None
) -> None:
    response = await http.get(path)

    assert response.status_code == status
    assert [each["pointer"] for each in response.json()["errors"]] == ([pointer] if pointer else [])


# -- restoring


async def test_an_older_version_is_made_current(client: Client, http: httpx.AsyncClient) -> None:
    jobs = [await make(client, prompt=f"keeper {n}") for n in range(3)]

    response = await restore(http, 1)

    assert response.status_code == 200
    assert response.json()["current"]["job"] == jobs[0].id
    slot = await read(http)
    assert slot["current"]["version"] == 1
    assert len(slot["versions"]) == 3
    [listed] = (await http.get("/slots")).json()["items"]
    assert listed["current"] == slot["current"]
    assert (await restore(http, 2)).json()["current"]["version"] == 2


async def test_the_next_success_is_current_again(client: Client, http: httpx.AsyncClient) -> None:
    for n in range(2):
        await make(client, prompt=f"keeper {n}")
    await restore(http, 1)
    failed = await ask(client, parameters=FAILS)
    await client.finish(failed.id)

    assert (await read(http))["current"]["version"] == 1
    await make(client, prompt="another")
    assert (await read(http))["current"]["version"] == 3


async def test_a_success_that_was_under_way_is_current_after_a_restore(
    client: Client, http: httpx.AsyncClient
) -> None:
    for n in range(2):
        await make(client, prompt=f"keeper {n}")
    running = await ask(client, prompt="another", parameters={"seconds": 4})

    assert (await restore(http, 1)).json()["current"]["version"] == 1
    await client.wait(running.id)
    assert (await read(http))["current"]["version"] == 3


@pytest.mark.parametrize(
    ("slot", "version", "status"),
    [
        (SLOT, 2, 404),
        ("shot/99", 1, 404),
        (SLOT, 0, 422),
        (SLOT, "1", 422),
        ("no slot", 1, 422),
    ],
)
async def test_a_version_that_is_not_there_cannot_be_restored(
    client: Client, http: httpx.AsyncClient, slot: str, version: Any, status: int
) -> None:
    await make(client)

    assert (await restore(http, version, slot)).status_code == status
    assert (await read(http))["current"]["version"] == 1


# -- working from the current version


async def test_one_reference_and_none_named_is_the_current_version(
    client: Client, http: httpx.AsyncClient
) -> None:
    first, _ = [await make(client, prompt=f"keeper {n}") for n in range(2)]
    await restore(http, 1)

    again = await make(client, prompt="smiling", max_references=1)

    assert [each.asset for each in again.references] == [first.assets[0].id]
    assert (await read(http))["current"]["job"] == again.id


async def test_the_current_version_is_the_one_that_has_just_succeeded(client: Client) -> None:
    """However far behind the read model is."""
    before = await make(client)
    for n in range(5):
        after = await make(client, prompt=f"keeper {n}", max_references=1)
        assert [each.asset for each in after.references] == [before.assets[0].id]
        before = after


async def test_a_request_for_the_current_version_is_replayed_as_it_was(
    client: Client, http: httpx.AsyncClient
) -> None:
    """The key stands for what was sent, and not for what was current then."""
    await make(client)
    first = await ask(client, prompt="again", max_references=1, key="k")
    await client.wait(first.id)

    replayed = await ask(client, prompt="again", max_references=1, key="k")

    assert replayed.id == first.id
    assert len((await read(http))["versions"]) == 2


@pytest.mark.parametrize("slot", [None, "shot/99"])
async def test_a_version_that_is_not_there_cannot_be_worked_from(
    http: httpx.AsyncClient, slot: str | None
) -> None:
    body = {"kind": "portrait", "prompt": "x", "max_references": 1, "slot": slot}

    response = await http.post("/jobs", json=body)

    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == ["/max_references"]


# -- replacing


async def test_a_job_that_waits_is_replaced(client: Client, http: httpx.AsyncClient) -> None:
    old = await ask(client, parameters=LONG)

    new = await make(client, prompt="better", replace=True)

    [ended] = await client.finish(old.id)
    assert ended.status == "canceled"
    slot = await read(http)
    assert [each["job"] for each in slot["versions"]] == [new.id]


async def test_a_job_at_its_provider_is_replaced_at_once(
    client: Client, http: httpx.AsyncClient
) -> None:
    old = await ask(client, parameters=LONG)
    async with client.follow(old.id) as events:
        async for event in events:
            if event.job and event.job.phase in ("provider_queue", "rendering"):
                break

    new = await ask(client, prompt="better", replace=True)
    [ended, done] = await client.finish(old.id, new.id)

    assert (ended.status, done.status) == ("canceled", "succeeded")
    slot = await read(http)
    assert [each["job"] for each in slot["versions"]] == [new.id]


async def test_an_equal_running_job_is_not_replaced(client: Client) -> None:
    running = await ask(client, parameters=LONG)

    same = await ask(client, parameters=LONG, replace=True)

    assert (same.id, same.deduplicated) == (running.id, True)
    await client.cancel(running.id)


async def test_of_many_that_replace_each_other_one_fills_the_slot(
    client: Client, http: httpx.AsyncClient
) -> None:
    asking = [
        ask(client, prompt=f"keeper {n}", parameters={"seconds": 4}, replace=True) for n in range(6)
    ]
    jobs = await asyncio.gather(*asking)
    ended = await client.finish(*(job.id for job in jobs))

    assert sorted(job.status for job in ended) == ["canceled"] * 5 + ["succeeded"]
    slot = await read(http)
    assert [each["job"] for each in slot["versions"]] == [
        job.id for job in ended if job.status == "succeeded"
    ]


async def test_a_wrong_request_replaces_nothing(client: Client, http: httpx.AsyncClient) -> None:
    running = await ask(client, parameters=LONG)
    body = {"kind": "portrait", "prompt": "x", "slot": SLOT, "replace": True, "model": "sim/no"}

    refused = await http.post("/jobs", json=body)

    assert refused.status_code == 422
    assert (await client.get(running.id)).finished_at is None
    await client.cancel(running.id)


async def test_a_busy_slot_error_says_how_to_replace(
    client: Client, http: httpx.AsyncClient
) -> None:
    running = await ask(client, parameters=LONG)
    body = {"kind": "portrait", "prompt": "better", "slot": SLOT, "parameters": FAST}

    busy = await http.post("/jobs", json=body)
    [patch] = [each["patch"] for each in busy.json()["next_actions"] if each["patch"]]
    better = await http.post("/jobs", json=body | patch)

    assert (busy.status_code, busy.json()["code"]) == (409, "slot_busy")
    assert better.status_code == 202
    [ended] = await client.finish(running.id)
    assert ended.status == "canceled"

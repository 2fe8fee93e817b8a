"""Batches with everything running: jobs that are asked for together, all or none."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.id_generation import batch_id, keyed_job_id
from tests.support.documented import documented_client
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAST = {"seconds": 0}
LONG = {"seconds": 30}
PRICE = "0.01"
CAST = ["alice", "bob", "carol", "dan", "erin", "frank", "grace"]


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


def portrait(name: str, **fields: Any) -> dict[str, Any]:
    """A request for a portrait of somebody, in a slot of their own."""
    body = {"kind": "portrait", "prompt": name, "slot": f"portrait/{name}", "parameters": FAST}
    return {**body, **fields}


async def post(
    http: httpx.AsyncClient, *jobs: dict[str, Any], key: str | None = None, **fields: Any
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await http.post("/batches", json={"jobs": list(jobs), **fields}, headers=headers)


async def submitted(http: httpx.AsyncClient, *jobs: dict[str, Any], **how: Any) -> dict[str, Any]:
    """The batch, admitted."""
    response = await post(http, *jobs, **how)
    assert response.status_code == 202, response.text
    batch: dict[str, Any] = response.json()
    return batch


async def read(http: httpx.AsyncClient, batch: dict[str, Any]) -> dict[str, Any]:
    response = await http.get(str(http.base_url.join(f"/v1/batches/{batch['id']}")))
    assert response.status_code == 200, response.text
    current: dict[str, Any] = response.json()
    return current


async def jobs_in(http: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await http.get("/jobs", params=query)).json()["items"]
    return items


def outcomes(batch: dict[str, Any]) -> list[str]:
    return [item["outcome"] for item in batch["items"]]


def ids(batch: dict[str, Any]) -> list[str]:
    return [item["job"]["id"] for item in batch["items"]]


async def finish(client: Client, batch: dict[str, Any]) -> None:
    await client.finish(*ids(batch))


# -- all of them


async def test_a_cast_of_seven_is_submitted_at_once(
    client: Client, http: httpx.AsyncClient, project: str
) -> None:
    batch = await submitted(http, *(portrait(name) for name in CAST))
    await finish(client, batch)
    done = await read(http, batch)

    assert outcomes(batch) == outcomes(done) == ["accepted"] * 7
    assert batch["project"] == done["project"] == project
    assert batch["counts"] == {"queued": 7}
    assert done["counts"] == {"succeeded": 7}
    assert ids(done) == ids(batch)
    assert [item["job"]["slot"] for item in done["items"]] == [f"portrait/{n}" for n in CAST]
    assert {item["job"]["batch"] for item in done["items"]} == {batch["id"]}
    assert all(item["job"]["assets"][0]["url"] for item in done["items"])


async def test_a_batch_has_an_address(stack: Stack, http: httpx.AsyncClient) -> None:
    response = await post(http, portrait("alice"))

    address = f"{stack.url('gateway')}/v1/batches/{response.json()['id']}"
    assert response.headers["location"] == address


async def test_ten_casts_are_twenty_jobs_in_one_request(
    client: Client, http: httpx.AsyncClient
) -> None:
    halves = [
        {"kind": "cast_ref", "prompt": f"{n} {h}", "slot": f"cast/p{n}/ref_{h}", "parameters": FAST}
        for n in range(10)
        for h in "ab"
    ]

    batch = await submitted(http, *halves, key="casts")
    await finish(client, batch)

    assert (await read(http, batch))["counts"] == {"succeeded": 20}
    slots = (await http.get("/slots", params={"prefix": "cast/"})).json()["items"]
    assert len(slots) == 20
    assert all(slot["current"]["version"] == 1 for slot in slots)


async def test_five_hundred_jobs_are_a_batch_and_one_more_is_not(http: httpx.AsyncClient) -> None:
    many = [{"kind": "scenes", "prompt": f"{n}", "parameters": FAST} for n in range(501)]

    refused = await post(http, *many)
    batch = await submitted(http, *many[:500], key="k")

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/jobs")
    assert outcomes(batch) == ["accepted"] * 500
    assert len(set(ids(batch))) == 500
    await http.post("/actions", json={"action": "cancel", "filter": {}})


async def test_the_jobs_of_a_batch_are_listed_by_it(http: httpx.AsyncClient) -> None:
    batch = await submitted(http, portrait("alice"), portrait("bob"))
    await submitted(http, portrait("carol"))

    await read(http, batch)
    listed = await jobs_in(http, batch=batch["id"])

    assert {job["id"] for job in listed} == set(ids(batch))


# -- or none


@pytest.mark.parametrize(
    ("mistake", "status", "code", "pointer"),
    [
        ({"prompt": ""}, 422, "validation_failed", "/jobs/1/prompt"),
        ({"nonsense": 1}, 422, "validation_failed", "/jobs/1/nonsense"),
        ({"kind": "nonsense"}, 422, "unknown_kind", "/jobs/1/kind"),
        ({"model": "sim/no"}, 422, "unknown_model", "/jobs/1/model"),
        ({"parameters": {"seed": "x"}}, 422, "validation_failed", "/jobs/1/parameters/seed"),
        ({"slot": "portrait/alice"}, 422, "validation_failed", "/jobs/1/slot"),
        (
            {"references": [{"asset": f"ast_{'0' * 26}_0"}]},
            422,
            "validation_failed",
            "/jobs/1/references/0",
        ),
        (
            {"parameters": {"price": PRICE}, "max_cost": "0.001"},
            402,
            "over_max_cost",
            "/jobs/1",
        ),
        ({"parameters": {"price": PRICE}}, 400, "idempotency_key_required", "/jobs/1"),
    ],
    ids=str,
)
async def test_one_mistake_refuses_all(
    http: httpx.AsyncClient, mistake: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    response = await post(http, portrait("alice"), portrait("bob", **mistake), portrait("carol"))

    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert (await http.get("/slots")).json()["items"] == []


async def test_every_mistake_is_reported(http: httpx.AsyncClient) -> None:
    response = await post(
        http,
        portrait("alice", kind="nonsense"),
        portrait("bob"),
        portrait("carol", model="sim/no"),
        portrait("dan", parameters={"seed": "x", "aspect_ratio": "7:1"}),
    )

    problem = response.json()
    assert problem["code"] == "unknown_kind"
    assert {each["pointer"] for each in problem["errors"]} == {
        "/jobs/0/kind",
        "/jobs/2/model",
        "/jobs/3/parameters/seed",
        "/jobs/3/parameters/aspect_ratio",
    }
    refused = [(item["index"], item["problem"]["code"]) for item in problem["items"]]
    assert refused == [(0, "unknown_kind"), (2, "unknown_model"), (3, "validation_failed")]
    assert problem["items"][1]["problem"]["detail"].startswith("/jobs/2/model: ")


async def test_a_slot_that_is_busy_refuses_all(client: Client, http: httpx.AsyncClient) -> None:
    running = await client.submit(**portrait("bob", prompt="another", parameters=LONG))

    response = await post(http, portrait("alice"), portrait("bob"))

    assert (response.status_code, response.json()["code"]) == (409, "slot_busy")
    assert [each["pointer"] for each in response.json()["errors"]] == ["/jobs/1/slot"]
    assert (await http.get("/slots/portrait/alice")).status_code == 404
    await client.cancel(running.id)


async def test_what_is_in_the_way_is_replaced_on_request(
    client: Client, http: httpx.AsyncClient
) -> None:
    running = await client.submit(**portrait("bob", prompt="another", parameters=LONG))

    batch = await submitted(http, portrait("alice"), portrait("bob", replace=True))
    await finish(client, batch)
    [old] = await client.finish(running.id)

    assert outcomes(batch) == ["accepted", "accepted"]
    assert old.status == "canceled"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/jobs"),
        ({"jobs": []}, "/jobs"),
        ({"jobs": [1]}, "/jobs/0"),
        ({"jobs": [{}]}, "/jobs/0/kind"),
        ({"jobs": [portrait("a")], "only_missing": 7}, "/only_missing"),
        ({"jobs": [portrait("a")], "nonsense": 1}, "/nonsense"),
    ],
    ids=str,
)
async def test_an_invalid_batch_is_refused_with_a_pointer(
    http: httpx.AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    response = await http.post("/batches", json=body)

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


async def test_a_batch_over_a_megabyte_is_too_large(http: httpx.AsyncClient) -> None:
    response = await post(http, *(portrait(f"p{n}", prompt="x" * 20_000) for n in range(60)))

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("name", [f"batch_{'0' * 26}", "nonsense", f"job_{'0' * 26}"])
async def test_an_unknown_batch_is_not_found(http: httpx.AsyncClient, name: str) -> None:
    response = await http.get(str(http.base_url.join(f"/v1/batches/{name}")))

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


# -- what is missing


async def test_five_of_seven_are_done_and_two_are_made(
    client: Client, http: httpx.AsyncClient
) -> None:
    done = await submitted(http, *(portrait(name) for name in CAST[:5]))
    await finish(client, done)

    batch = await submitted(http, *(portrait(name) for name in CAST), only_missing=True)

    assert outcomes(batch) == ["skipped"] * 5 + ["accepted"] * 2
    assert ids(batch)[:5] == ids(done)
    assert batch["counts"] == {"queued": 2}
    assert [item["job"]["batch"] for item in batch["items"][5:]] == [batch["id"]] * 2
    await finish(client, batch)
    after = await read(http, batch)
    assert (outcomes(after), after["counts"]) == (outcomes(batch), {"succeeded": 2})
    assert len(await jobs_in(http, kind="portrait")) == 7


async def test_what_is_being_made_is_not_missing(client: Client, http: httpx.AsyncClient) -> None:
    running = await client.submit(**portrait("alice", prompt="another", parameters=LONG))
    failed = await client.submit(**portrait("bob", parameters={"fault": "reject"}))
    await client.finish(failed.id)

    batch = await submitted(http, portrait("alice"), portrait("bob"), only_missing=True)

    assert outcomes(batch) == ["skipped", "accepted"]
    assert ids(batch)[0] == running.id
    await client.cancel(running.id)


async def test_when_nothing_is_missing_nothing_is_made(
    client: Client, http: httpx.AsyncClient
) -> None:
    await finish(client, await submitted(http, portrait("alice")))

    batch = await submitted(http, portrait("alice", prompt="another"), only_missing=True)

    assert (outcomes(batch), batch["counts"]) == (["skipped"], {})
    assert len(await jobs_in(http)) == 1


async def test_only_missing_refuses_a_job_without_a_slot(
    http: httpx.AsyncClient,
) -> None:
    response = await post(http, portrait("alice"), portrait("bob", slot=None), only_missing=True)

    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == ["/jobs/1/slot"]


async def test_what_is_missing_is_made_once_however_many_ask(
    client: Client, http: httpx.AsyncClient
) -> None:
    cast = [portrait(name, parameters={"seconds": 1}) for name in CAST]

    batches = await asyncio.gather(*(submitted(http, *cast, only_missing=True) for _ in range(4)))

    await finish(client, batches[0])
    assert len({tuple(ids(batch)) for batch in batches}) == 1
    assert len(await jobs_in(http)) == 7


async def test_of_two_only_missing_batches_for_a_slot_one_is_skipped(
    client: Client, http: httpx.AsyncClient
) -> None:
    casts = [
        [portrait(name, prompt=f"{name} {n}", parameters={"seconds": 1}) for name in CAST]
        for n in range(3)
    ]

    batches = await asyncio.gather(*(submitted(http, *cast, only_missing=True) for cast in casts))
    after = [await read(http, batch) for batch in batches]

    for index in range(len(CAST)):
        assert sorted(outcomes(batch)[index] for batch in batches) == [
            "accepted",
            "skipped",
            "skipped",
        ]
    assert [outcomes(batch) for batch in after] == [outcomes(batch) for batch in batches]
    assert [ids(batch) for batch in after] == [ids(batch) for batch in batches]
    await finish(client, batches[0])


# -- the same again


async def test_the_same_key_is_the_same_batch(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    paid = [portrait(name, parameters={"seconds": 0, "price": PRICE}) for name in CAST]
    first = await submitted(http, *paid, key="k")
    await finish(client, first)

    response = await post(http, *paid, key="k")

    again = response.json()
    assert response.headers["idempotency-replayed"] == "true"
    assert (again["id"], ids(again)) == (first["id"], ids(first))
    assert first["id"] == batch_id(project, "k")
    assert ids(first) == [keyed_job_id(project, f"k/{n}") for n in range(7)]
    assert outcomes(again) == ["replayed"] * 7
    assert again["counts"] == {"succeeded": 7}
    assert len(stack.ledger(project)) == 7


@pytest.mark.parametrize(
    "change",
    [
        {"jobs": [portrait("alice")]},
        {"jobs": [portrait("alice"), portrait("carol")]},
        {"jobs": [portrait("bob"), portrait("alice")]},
        {"only_missing": True},
    ],
    ids=str,
)
async def test_a_key_stands_for_one_body(http: httpx.AsyncClient, change: dict[str, Any]) -> None:
    body = {"jobs": [portrait("alice"), portrait("bob")]}
    await submitted(http, *body["jobs"], key="k")

    headers = {"Idempotency-Key": "k"}
    same = await http.post("/batches", json={**body, "only_missing": False}, headers=headers)
    other = await http.post("/batches", json=body | change, headers=headers)

    assert same.status_code == 202
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_skipped_item_is_skipped_in_a_replay(
    client: Client, http: httpx.AsyncClient
) -> None:
    await finish(client, await submitted(http, portrait("alice")))
    cast = [portrait("alice"), portrait("bob")]
    first = await submitted(http, *cast, key="k", only_missing=True)
    await finish(client, first)

    again = await submitted(http, *cast, key="k", only_missing=True)

    assert outcomes(first) == ["skipped", "accepted"]
    assert outcomes(again) == ["skipped", "replayed"]
    assert ids(again) == ids(first)


async def test_the_same_batch_at_once_is_made_once(http: httpx.AsyncClient) -> None:
    cast = [portrait(name) for name in CAST]

    batches = await asyncio.gather(*(submitted(http, *cast, key="k") for _ in range(5)))

    assert len({tuple(ids(batch)) for batch in batches}) == 1
    made = [outcomes(batch)[0] for batch in batches]
    assert made.count("accepted") == 1


async def test_what_is_being_made_for_a_slot_is_the_answer(
    client: Client, http: httpx.AsyncClient
) -> None:
    running = await client.submit(**portrait("alice", parameters=LONG))

    batch = await submitted(http, portrait("alice", parameters=LONG), portrait("bob"))

    assert outcomes(batch) == ["deduplicated", "accepted"]
    assert ids(batch)[0] == running.id
    assert [item["job"]["deduplicated"] for item in batch["items"]] == [True, False]
    assert outcomes(await read(http, batch)) == ["deduplicated", "accepted"]
    await client.cancel(running.id)


async def test_a_key_of_another_project_is_another_key(stack: Stack) -> None:
    made = set()
    for project in (some_project(), some_project()):
        base = f"{stack.url('gateway')}/v1/projects/{project}"
        async with httpx.AsyncClient(base_url=base, timeout=TIMEOUT) as http:
            batch = await submitted(http, portrait("alice"), key="k")
        made |= {batch["id"], *ids(batch)}

    assert len(made) == 4


# -- afterwards


async def test_a_batch_shows_the_latest_try_of_each_job(
    client: Client, http: httpx.AsyncClient
) -> None:
    batch = await submitted(
        http, portrait("alice"), portrait("bob", parameters={"fault": "reject"})
    )
    await finish(client, batch)
    again = await client.retry(ids(batch)[1], changes={"parameters": FAST})
    await client.finish(again.id)

    after = await read(http, batch)

    assert ids(after) == [ids(batch)[0], again.id]
    assert after["counts"] == {"succeeded": 2}
    assert again.batch == batch["id"]


async def test_a_batch_is_canceled_by_its_name(client: Client, http: httpx.AsyncClient) -> None:
    batch = await submitted(http, *(portrait(name, parameters=LONG) for name in CAST))
    other = await submitted(http, portrait("other", parameters=LONG))

    body = {"action": "cancel", "filter": {"batch": batch["id"]}}
    report = (await http.post("/actions", json=body)).json()
    await finish(client, batch)

    assert report["counts"] == {"accepted": 7}
    assert (await read(http, batch))["counts"] == {"canceled": 7}
    assert (await read(http, other))["counts"].keys() <= {"queued", "running"}
    await client.cancel(ids(other)[0])

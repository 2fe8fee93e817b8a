"""Actions with everything running: many jobs are retried or canceled at once, after a look at the price."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from nats import connect

from heliograph.client import Client
from heliograph.contracts.actions import ActionRequest
from heliograph.contracts.id_generation import action_id, new_job_id
from heliograph.contracts.jobs import Job
from tests.support.documented import documented_client
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PRICE = "0.01"
LONG = {"seconds": 30}
REJECTED = {"seconds": 0, "fault": "reject"}
FREE = {"action": "retry", "filter": {"status": "failed"}}
PAID = {**FREE, "from": "submit"}


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


async def post(
    http: httpx.AsyncClient, body: dict[str, Any], key: str | None = None
) -> httpx.Response:
    return await http.post("/actions", json=body, headers={"Idempotency-Key": key} if key else {})


async def done(
    http: httpx.AsyncClient, body: dict[str, Any], key: str | None = None
) -> dict[str, Any]:
    """The report."""
    response = await post(http, body, key)
    assert response.status_code == 202, response.text
    report: dict[str, Any] = response.json()
    return report


async def preview(http: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    response = await post(http, {**body, "dry_run": True})
    assert response.status_code == 200, response.text
    outcome: dict[str, Any] = response.json()
    return outcome


async def submit(client: Client, **fields: Any) -> Job:
    body = {"kind": "image", "prompt": "a keeper", "parameters": {"seconds": 0}, **fields}
    return await client.submit(**body)


async def ended(client: Client, **fields: Any) -> Job:
    """A job that is over, however it ended."""
    [job] = await client.finish((await submit(client, **fields)).id)
    return job


async def failed(client: Client, count: int, **fields: Any) -> list[Job]:
    """Jobs that their provider refused."""
    parameters = {**REJECTED, **fields.pop("parameters", {})}
    jobs = (ended(client, parameters={**parameters, "seed": n}, **fields) for n in range(count))
    return list(await asyncio.gather(*jobs))


def made(report: dict[str, Any]) -> list[str]:
    return [item["job"]["id"] for item in report["items"] if item["job"]]


def by_id(items: dict[str, Any]) -> dict[str, Any]:
    return {item["id"]: item for item in items["items"]}


async def count_of(http: httpx.AsyncClient) -> int:
    return len((await http.get("/jobs", params={"limit": 200})).json()["items"])


# -- trying again


async def test_a_retry_of_many_does_what_is_free_and_says_what_the_rest_costs(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    """Two were refused, and would cost their price again; one timed out, and is asked for again."""
    slow = {"seconds": 4, "price": PRICE, "timeout_seconds": 1}
    timed_out, refused, fine = await asyncio.gather(
        ended(client, parameters=slow),
        failed(client, 2, parameters={"price": PRICE}),
        ended(client),
    )

    seen = await preview(http, FREE)
    before = await count_of(http)
    report = await done(http, FREE)
    [again] = await client.finish(*made(report))

    assert (seen["count"], seen["free"], seen["paid"], seen["refused"]) == (1, 1, 2, 2)
    assert seen["cost"] == {"estimated": "0.02", "actual": None, "currency": "USD"}
    assert before == 4
    assert by_id(seen)[timed_out.id]["from"] == "poll"
    assert by_id(seen)[timed_out.id]["cost"]["estimated"] == "0"
    assert {by_id(seen)[job.id]["from"] for job in refused} == {"submit"}
    assert fine.id not in by_id(seen)
    assert {by_id(seen)[job.id]["cost"]["estimated"] for job in refused} == {PRICE}
    assert report["counts"] == {"accepted": 1, "refused": 2}
    assert (again.retry_of, again.cost.estimated) == (timed_out.id, Decimal(0))
    assert not [sent for sent in stack.ledger(project) if sent.job in made(report)]
    for items in (by_id(seen), by_id(report)):
        for problem in (items[job.id]["problem"] for job in refused):
            assert problem["code"] == "state_conflict"
            assert PRICE in problem["detail"]
            assert problem["next_actions"][0]["patch"] == {"from": "submit"}


async def test_a_retry_of_many_from_submit_pays_for_each(
    client: Client, http: httpx.AsyncClient
) -> None:
    """Also for one that could be asked for again for nothing: it was told to."""
    slow = {"seconds": 4, "price": PRICE, "timeout_seconds": 1}
    timed_out, [refused] = await asyncio.gather(
        ended(client, parameters=slow), failed(client, 1, parameters={"price": PRICE})
    )

    seen = await preview(http, PAID)
    report = await done(http, PAID, key="again")
    again = await client.finish(*made(report))

    assert (seen["count"], seen["free"], seen["paid"], seen["refused"]) == (2, 0, 2, 0)
    assert seen["cost"] == {"estimated": "0.02", "actual": None, "currency": "USD"}
    assert report["counts"] == {"accepted": 2}
    assert {job.retry_of for job in again} == {timed_out.id, refused.id}
    assert {job.cost.estimated for job in again} == {Decimal(PRICE)}


async def test_a_retry_of_many_that_an_older_release_began_pays_for_the_rest(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    """What its key was told stays so: its plan was made before consent was asked for."""
    [job] = await failed(client, 1, parameters={"price": PRICE})
    plan: dict[str, Any] = {"id": action_id(project, "old"), "project": project, "jobs": [job.id]}
    plan["digest"] = ActionRequest.model_validate(FREE).digest()
    nats = await connect(stack.nats)
    await (await nats.jetstream().key_value("plans")).create(plan["id"], json.dumps(plan).encode())
    await nats.close()

    report = await done(http, FREE, key="old")
    again = await client.finish(*made(report))

    assert [job.cost.estimated for job in again] == [Decimal(PRICE)]


@pytest.mark.parametrize("step", ["download", "poll"])
async def test_a_step_that_has_nothing_to_begin_with_is_refused_for_each(
    client: Client, http: httpx.AsyncClient, step: str
) -> None:
    slow = {"seconds": 4, "price": PRICE, "timeout_seconds": 1}
    timed_out, [refused] = await asyncio.gather(
        ended(client, parameters=slow), failed(client, 1, parameters={"price": PRICE})
    )
    body = {**FREE, "from": step}

    seen, report = await preview(http, body), await done(http, body)
    await client.finish(*made(report))

    possible = {timed_out.id} if step == "poll" else set()
    for items in (by_id(seen), by_id(report)):
        assert {job for job, item in items.items() if item["outcome"] == "accepted"} == possible
        assert items[refused.id]["problem"]["code"] == "state_conflict"
    assert (seen["free"], seen["paid"]) == (len(possible), 0)


async def test_what_was_tried_again_is_not_tried_a_third_time(
    client: Client, http: httpx.AsyncClient
) -> None:
    first = await failed(client, 3)
    second = await done(http, FREE)
    await client.finish(*made(second))

    seen, third = await preview(http, FREE), await done(http, FREE)
    await client.finish(*made(third))

    assert {job.id for job in first} == set(by_id(second))
    assert set(by_id(seen)) == set(by_id(third)) == set(made(second))


async def test_of_a_slot_only_the_last_failure_is_tried_again(
    client: Client, http: httpx.AsyncClient
) -> None:
    [old] = await failed(client, 1, slot="shot/1")
    [new] = await failed(client, 1, slot="shot/1", prompt="another")
    [filled] = await failed(client, 1, slot="shot/2")
    await ended(client, slot="shot/2", prompt="another")

    report = await done(http, FREE)

    assert set(by_id(report)) == {new.id}
    assert {old.id, filled.id}.isdisjoint(made(report))
    assert report["items"][0]["job"]["slot"] == "shot/1"
    await client.finish(*made(report))


async def test_two_simultaneous_retries_make_one_attempt(
    client: Client, http: httpx.AsyncClient
) -> None:
    await failed(client, 5, parameters={"price": PRICE})

    reports = await asyncio.gather(*(done(http, PAID, key=f"k{n}") for n in range(4)))

    assert len({job for report in reports for job in made(report)}) == 5
    await client.finish(*made(reports[0]))


async def test_the_same_key_is_the_same_action_whatever_failed_since(
    client: Client, http: httpx.AsyncClient
) -> None:
    await failed(client, 2, parameters={"price": PRICE})
    first = await done(http, PAID, key="k")
    await client.finish(*made(first))
    await failed(client, 1)

    response = await post(http, PAID, key="k")
    other = await post(http, FREE, key="k")

    again = response.json()
    assert response.headers["idempotency-replayed"] == "true"
    assert made(again) == made(first)
    assert again["counts"] == {"replayed": 2}
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_jobs_are_retried_by_name_and_each_says_why_not(
    stack: Stack, client: Client, http: httpx.AsyncClient
) -> None:
    [retried] = await failed(client, 1)
    fine, nobody = await ended(client), new_job_id()
    async with stack.client(some_project()) as elsewhere:
        [foreign] = await failed(elsewhere, 1)
    body = {"action": "retry", "ids": [retried.id, fine.id, nobody, foreign.id]}

    seen, report = await preview(http, body), await done(http, body)

    for result in (seen, report):
        outcomes = [(i["outcome"], (i["problem"] or {}).get("code")) for i in result["items"]]
        assert outcomes == [
            ("accepted", None),
            ("refused", "state_conflict"),
            ("refused", "not_found"),
            ("refused", "not_found"),
        ]
        problems = [item["problem"] for item in result["items"] if item["problem"]]
        assert [p["errors"][0]["pointer"] for p in problems] == ["/ids/1", "/ids/2", "/ids/3"]
    assert (seen["count"], seen["refused"], seen["free"]) == (1, 3, 1)
    assert [item["id"] for item in report["items"]] == body["ids"]
    await client.finish(*made(report))


async def test_a_retry_that_costs_needs_a_key(client: Client, http: httpx.AsyncClient) -> None:
    [job] = await failed(client, 1, parameters={"price": PRICE})

    by_name = {"action": "retry", "ids": [job.id], "from": "submit"}
    responses = [await post(http, body) for body in (PAID, by_name)]

    for response in responses:
        assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_required")
    assert await count_of(http) == 1


async def test_a_job_of_unknown_outcome_is_resubmitted_only_when_named(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    parameters = {"seconds": 0, "price": PRICE, "fault": "lost_reply"}
    job = await submit(client, parameters=parameters)
    async with client.follow(job.id) as events:
        async for event in events:
            if event.job and event.job.phase == "submit_unknown":
                break
    unasked = {"action": "retry", "ids": [job.id]}
    by_name = {**unasked, "from": "submit"}

    filtered = await done(http, {"action": "retry", "filter": {}, "from": "submit"}, key="all")
    outcomes = [await preview(http, unasked), await done(http, unasked, key="unasked")]
    seen = await preview(http, by_name)
    report = await done(http, by_name, key="k")
    again = await done(http, by_name, key="k")

    assert filtered["items"] == []
    assert [body["items"][0]["problem"]["code"] for body in outcomes] == ["state_conflict"] * 2
    assert outcomes[0]["paid"] == 1
    assert (seen["paid"], seen["cost"]["estimated"]) == (1, PRICE)
    assert made(report) == made(again) == [job.id]
    assert (report["counts"], again["counts"]) == ({"accepted": 1}, {"replayed": 1})
    async with client.follow(job.id) as events:
        async for event in events:
            if event.job and (event.job.phase, event.job.attempt) == ("submit_unknown", 2):
                break
    assert len(stack.ledger(project)) == 2
    await client.cancel(job.id)


async def test_the_failed_jobs_of_a_batch_are_retried(
    client: Client, http: httpx.AsyncClient
) -> None:
    jobs = [
        {"kind": "image", "prompt": f"{n}", "parameters": REJECTED if n % 2 else {"seconds": 0}}
        for n in range(6)
    ]
    batch = (await http.post("/batches", json={"jobs": jobs})).json()
    await client.finish(*(item["job"]["id"] for item in batch["items"]))
    await failed(client, 1)

    report = await done(http, {"action": "retry", "filter": {"batch": batch["id"]}})
    await client.finish(*made(report))

    assert set(by_id(report)) == {batch["items"][n]["job"]["id"] for n in (1, 3, 5)}
    assert {item["job"]["batch"] for item in report["items"]} == {batch["id"]}
    read = (await http.get(str(http.base_url.join(f"/v1/batches/{batch['id']}")))).json()
    assert {item["job"]["id"] for item in read["items"]} >= set(made(report))


# -- canceling


async def test_everything_that_waits_is_canceled(client: Client, http: httpx.AsyncClient) -> None:
    jobs = [await submit(client, kind="shot", prompt=f"{n}", parameters=LONG) for n in range(12)]
    body = {"action": "cancel", "filter": {"kind": "shot"}}

    seen = await preview(http, body)
    report = await done(http, body)
    ends = await client.finish(*(job.id for job in jobs))

    assert (seen["action"], seen["count"], seen["charged"]) == ("cancel", 12, {"no": 12})
    assert report["counts"] == {"accepted": 12}
    assert {job.status for job in ends} == {"canceled"}
    assert (await done(http, body))["items"] == []


async def test_a_preview_of_canceling_says_what_was_paid_already(
    client: Client, http: httpx.AsyncClient
) -> None:
    job = await submit(client, parameters={**LONG, "price": PRICE})
    async with client.follow(job.id) as events:
        async for event in events:
            if event.job and event.job.phase in ("provider_queue", "rendering"):
                break

    seen = await preview(http, {"action": "cancel", "ids": [job.id]})

    assert (seen["charged"], seen["items"][0]["charged"]) == ({"unknown": 1}, "unknown")
    await client.cancel(job.id)


async def test_jobs_are_detached_together(client: Client, http: httpx.AsyncClient) -> None:
    slots = ["shot/1", "shot/2"]
    jobs = [await submit(client, slot=slot, parameters={"seconds": 4}) for slot in slots]
    body = {"action": "cancel", "mode": "detach", "filter": {"slot": "shot/"}}

    report = await done(http, body)
    ends = await client.finish(*(job.id for job in jobs))

    assert report["counts"] == {"accepted": 2}
    assert {(job.status, job.slot) for job in ends} == {("succeeded", None)}


async def test_what_is_over_cannot_be_canceled_and_what_is_canceled_stays_so(
    client: Client, http: httpx.AsyncClient
) -> None:
    fine, waiting = await ended(client), await submit(client, parameters=LONG)
    await client.cancel(waiting.id)
    await client.finish(waiting.id)
    body = {"action": "cancel", "ids": [fine.id, waiting.id]}

    seen, report = await preview(http, body), await done(http, body)

    for result in (seen, report):
        assert [item["outcome"] for item in result["items"]] == ["refused", "skipped"]
        assert result["items"][0]["problem"]["code"] == "state_conflict"


async def test_canceling_again_with_its_key_changes_nothing(
    client: Client, http: httpx.AsyncClient
) -> None:
    jobs = [await submit(client, prompt=f"{n}", parameters=LONG) for n in range(3)]
    body = {"action": "cancel", "filter": {}}
    first = await done(http, body, key="k")
    await client.finish(*(job.id for job in jobs))
    late = await submit(client, prompt="late", parameters=LONG)

    again = await done(http, body, key="k")

    assert set(made(again)) == set(made(first)) == {job.id for job in jobs}
    assert (first["counts"], again["counts"]) == ({"accepted": 3}, {"replayed": 3})
    assert (await client.get(late.id)).status in ("queued", "running")
    await client.cancel(late.id)


# -- what is meant


@pytest.mark.parametrize(
    ("narrowed", "matches"),
    [
        ({}, {0, 1, 2, 3}),
        ({"kind": "scenes"}, {3}),
        ({"model": "sim/picture"}, {0, 1, 2}),
        ({"slot": "shot/"}, {1}),
        ({"user": "anna"}, {2}),
        ({"tags": {"show": "s1"}}, {0, 1}),
        ({"tags": {"show": "s1", "act": "2"}}, {1}),
        ({"parameters": {"steps": "7"}}, {2}),
        ({"q": "lighthouse"}, {0, 2}),
        ({"status": "expired"}, set()),
        ({"created_after": "2099-01-01T00:00:00Z"}, set()),
        ({"created_before": "2099-01-01T00:00:00Z", "status": "failed"}, {0, 1, 2, 3}),
    ],
    ids=str,
)
async def test_a_filter_is_what_a_list_can_be_narrowed_by(
    client: Client, http: httpx.AsyncClient, narrowed: dict[str, Any], matches: set[int]
) -> None:
    requests: list[dict[str, Any]] = [
        {"prompt": "a lighthouse", "tags": {"show": "s1"}},
        {"prompt": "a ship", "slot": "shot/1", "tags": {"show": "s1", "act": "2"}},
        {"prompt": "lighthouses", "user": "anna", "parameters": {"steps": 7}},
        {"prompt": "a story", "kind": "scenes"},
    ]
    jobs = [(await failed(client, 1, **fields))[0].id for fields in requests]

    seen = await preview(http, {"action": "retry", "filter": narrowed})

    assert set(by_id(seen)) == {jobs[n] for n in matches}
    assert (seen["count"], seen["more"]) == (len(matches), False)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/action"),
        ({"action": "remake", "filter": {}}, "/action"),
        ({"action": "retry"}, ""),
        ({"action": "retry", "ids": [f"job_{'0' * 26}"], "filter": {}}, ""),
        ({"action": "retry", "ids": []}, "/ids"),
        ({"action": "retry", "ids": ["x"]}, "/ids/0"),
        ({"action": "retry", "ids": [f"job_{'0' * 26}"] * 2}, "/ids"),
        ({"action": "retry", "ids": [f"job_{n:026}" for n in range(1_001)]}, "/ids"),
        ({"action": "retry", "filter": {"nonsense": 1}}, "/filter/nonsense"),
        ({"action": "retry", "filter": {"status": "succeeded"}}, "/filter/status"),
        ({"action": "retry", "filter": {"status": "running"}}, "/filter/status"),
        ({"action": "retry", "filter": {"status": "nonsense"}}, "/filter/status"),
        ({"action": "cancel", "filter": {"status": "failed"}}, "/filter/status"),
        ({"action": "cancel", "filter": {"batch": "x"}}, "/filter/batch"),
        ({"action": "cancel", "filter": {"created_after": "x"}}, "/filter/created_after"),
        ({"action": "cancel", "filter": {}, "mode": "kill"}, "/mode"),
        ({"action": "retry", "filter": {}, "mode": "detach"}, ""),
        ({"action": "retry", "filter": {}, "from": "accept"}, "/from"),
        ({"action": "cancel", "filter": {}, "from": "submit"}, ""),
        ({"action": "retry", "filter": {}, "nonsense": 1}, "/nonsense"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_an_impossible_action_is_refused_with_a_pointer(
    http: httpx.AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    for sent in (body, {**body, "dry_run": True}):
        response = await post(http, sent, key="k")

        assert (response.status_code, response.json()["code"]) == (422, "validation_failed")
        assert [each["pointer"] for each in response.json()["errors"]] == [pointer]


async def test_a_filter_that_matches_nothing_does_nothing(http: httpx.AsyncClient) -> None:
    report = await done(http, FREE)

    assert (report["counts"], report["items"], report["more"]) == ({}, [], False)

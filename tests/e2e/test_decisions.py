"""Canceling and trying again: who decides what, when, and for how much."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from heliograph.contracts.jobs import Job
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PRICE = "0.01"


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http:
        yield http


async def _until(client: Client, job: str, is_so: Callable[[Job], bool]) -> Job:
    async with client.follow(job) as events:
        async for event in events:
            if event.job and is_so(event.job):
                return event.job
    raise AssertionError


async def _submitted(client: Client, **parameters: Any) -> Job:
    """A job that its provider works on."""
    job = await client.submit(kind="image", prompt="x", parameters={"seconds": 30, **parameters})
    at_provider = ("provider_queue", "rendering")
    return await _until(client, job.id, lambda current: current.phase in at_provider)


async def test_a_queued_job_is_canceled_at_once(
    stack: Stack, client: Client, http: httpx.AsyncClient, project: str
) -> None:
    blocking = [
        await client.submit(kind="shot", prompt=f"{n}", parameters={"seconds": 30})
        for n in range(10)
    ]

    canceled = await client.cancel(blocking[-1].id)

    assert canceled.status == "canceled"
    assert canceled.charged == "no"
    assert canceled.cost.actual == 0
    await asyncio.gather(*(client.cancel(job.id) for job in blocking))
    ended = await client.finish(*(job.id for job in blocking))
    assert {job.status for job in ended} == {"canceled"}


async def test_a_running_job_is_stopped_and_says_what_it_cost(
    client: Client, http: httpx.AsyncClient
) -> None:
    job = await _submitted(client, price=PRICE)

    preview = (await http.get(f"/v1/jobs/{job.id}/cancel")).json()
    canceling = await client.cancel(job.id)
    [ended] = await client.finish(job.id)

    assert preview == {"charged": "unknown"}
    assert (canceling.status, canceling.phase) == ("running", "canceling")
    assert (ended.status, ended.charged, str(ended.cost.actual)) == ("canceled", "yes", PRICE)


async def test_canceling_twice_changes_nothing(client: Client, http: httpx.AsyncClient) -> None:
    job = await _submitted(client)
    await client.cancel(job.id)
    [ended] = await client.finish(job.id)

    again = await http.post(f"/v1/jobs/{job.id}/cancel", json={})

    assert again.status_code == 200
    assert again.json()["revision"] == ended.revision


async def test_a_finished_job_cannot_be_canceled(client: Client) -> None:
    job = await client.submit(kind="image", prompt="x", parameters={"seconds": 0})
    await client.wait(job.id)

    with pytest.raises(RequestRejected) as refused:
        await client.cancel(job.id)

    assert refused.value.problem.code == "state_conflict"


async def test_a_detached_job_runs_on_and_its_slot_is_free(client: Client) -> None:
    slot, parameters = "portrait/char-7", {"seconds": 4}
    first = await client.submit(kind="portrait", prompt="old", slot=slot, parameters=parameters)

    detached = await client.cancel(first.id, "detach")
    second = await client.submit(kind="portrait", prompt="new", slot=slot, parameters=parameters)
    one, other = await client.finish(first.id, second.id)

    assert detached.slot is None
    assert (one.status, one.slot) == ("succeeded", None)
    assert (other.status, other.slot) == ("succeeded", slot)


async def test_what_a_stopped_provider_finished_anyway_comes_back_for_nothing(
    stack: Stack, client: Client, project: str
) -> None:
    """The sim is done before it can be stopped; the job is canceled on its way to storage."""
    job = await client.submit(
        kind="image",
        prompt="x",
        parameters={"seconds": 0, "price": PRICE, "fault": "flaky_download"},
    )
    await _until(client, job.id, lambda current: current.phase == "downloading")
    await client.cancel(job.id)
    [ended] = await client.finish(job.id)
    if ended.status == "succeeded":
        pytest.skip("storage was faster than the cancel")

    again = await client.retry(job.id)
    done = await client.wait(again.id)

    assert ended.status == "canceled"
    assert again.retry_of == job.id
    assert again.cost.estimated == 0
    assert (done.status, done.charged) == ("succeeded", "no")
    assert len(stack.ledger(project)) == 1


async def test_a_timed_out_request_is_polled_again_without_paying(
    stack: Stack, client: Client, project: str
) -> None:
    parameters = {"seconds": 4, "price": PRICE, "timeout_seconds": 1}
    job = await client.submit(kind="image", prompt="slow", parameters=parameters)
    [ended] = await client.finish(job.id)

    again = await client.retry(job.id)
    [taken_over] = await client.finish(again.id)

    assert ended.error is not None
    assert ended.error.code == "provider_timeout"
    assert taken_over.retry_of == job.id
    assert taken_over.charged == "no"
    assert len(stack.ledger(project)) == 1


async def test_a_rejected_request_is_sent_again_with_changes(client: Client) -> None:
    parameters = {"seconds": 0, "fault": "reject"}
    job = await client.submit(kind="image", prompt="x", slot="shot/3", parameters=parameters)
    await client.finish(job.id)

    changes = {"prompt": "y", "parameters": {"seconds": 0}}
    again = await client.retry(job.id, changes=changes)
    done = await client.wait(again.id)

    assert (done.prompt, done.slot, done.retry_of) == ("y", "shot/3", job.id)


async def test_a_retry_that_costs_needs_a_key_and_makes_one_job(
    client: Client, http: httpx.AsyncClient
) -> None:
    parameters = {"seconds": 0, "fault": "policy", "price": PRICE}
    job = await client.submit(kind="image", prompt="x", parameters=parameters)
    await client.finish(job.id)

    unasked = await http.post(f"/v1/jobs/{job.id}/retry", json={})
    without = await http.post(f"/v1/jobs/{job.id}/retry", json={"from": "submit"})
    retries = [await client.retry(job.id, start="submit", key="again") for _ in range(2)]

    assert (unasked.status_code, unasked.json()["code"]) == (409, "state_conflict")
    assert PRICE in unasked.json()["detail"]
    assert [each["patch"] for each in unasked.json()["next_actions"]] == [{"from": "submit"}]
    assert without.json()["code"] == "idempotency_key_required"
    assert len({retry.id for retry in retries}) == 1
    await client.finish(retries[0].id)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"from": "download"}, 409, "state_conflict"),
        ({"from": "poll"}, 409, "state_conflict"),
        ({"from": "nowhere"}, 422, "validation_failed"),
        ({"changes": {"nonsense": 1}}, 422, "validation_failed"),
        ({"changes": {"kind": "nonsense"}}, 422, "unknown_kind"),
    ],
)
async def test_a_retry_that_cannot_work_is_refused(
    client: Client, http: httpx.AsyncClient, body: dict[str, Any], status: int, code: str
) -> None:
    job = await client.submit(kind="image", prompt="x", parameters={"fault": "reject"})
    await client.finish(job.id)

    response = await http.post(f"/v1/jobs/{job.id}/retry", json=body)

    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_job_that_goes_well_is_not_retried(client: Client) -> None:
    job = await client.submit(kind="image", prompt="x", parameters={"seconds": 0})
    await client.wait(job.id)

    with pytest.raises(RequestRejected) as refused:
        await client.retry(job.id)

    assert refused.value.problem.code == "state_conflict"


async def test_a_job_past_its_deadline_expires(client: Client, http: httpx.AsyncClient) -> None:
    from datetime import UTC, datetime, timedelta

    soon = (datetime.now(UTC) + timedelta(seconds=6)).isoformat()
    job = await client.submit(
        kind="image", prompt="late", finish_by=soon, parameters={"seconds": 30, "price": PRICE}
    )

    [ended] = await client.finish(job.id)

    assert ended.status == "expired"
    assert ended.charged == "yes"  # the sim says so of what it was told to stop
    assert ended.error is not None
    assert ended.error.code == "deadline"


async def test_queue_positions_are_shown_while_jobs_wait(client: Client) -> None:
    jobs = [
        await client.submit(kind="video", prompt=f"{n}", parameters={"seconds": 30})
        for n in range(14)
    ]
    waiting: list[int] = []
    async with asyncio.timeout(TIMEOUT):  # while jobs move, looks at one after another do not fit
        while len(waiting) < 4 or waiting != sorted(set(waiting)):
            looks = [(await client.get(job.id)).position for job in jobs]
            waiting = [position for position in looks if position is not None]

    assert waiting == sorted(waiting)
    assert len(set(waiting)) == len(waiting)
    assert len(waiting) >= 4
    await asyncio.gather(*(client.cancel(job.id) for job in jobs))
    await client.finish(*(job.id for job in jobs))

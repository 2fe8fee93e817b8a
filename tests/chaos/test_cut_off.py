"""Requests for many things, cut off by a crash and sent again: everything is done, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from heliograph.contracts.id_generation import keyed_job_id
from heliograph.runtime.crash_points import Point
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PRICE = "0.01"
MANY = 40  #: more than a gateway does side by side


@pytest.fixture
async def http(fragile: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{fragile.url('gateway')}/v1/projects/{project}"
    async with httpx.AsyncClient(base_url=base, timeout=TIMEOUT) as http:
        yield http


async def cut_off(
    http: httpx.AsyncClient, crashes: Path, point: Point, path: str, body: Any
) -> dict[str, Any]:
    """The response to a request whose first sending killed the gateway."""
    headers = {"Idempotency-Key": "k"}
    (crashes / point).touch()
    with pytest.raises(httpx.TransportError):
        await http.post(path, json=body, headers=headers)
    assert not (crashes / point).exists()
    async with asyncio.timeout(TIMEOUT):
        while True:
            with suppress(httpx.TransportError):
                response = await http.post(path, json=body, headers=headers)
                if response.status_code == 202:
                    report: dict[str, Any] = response.json()
                    return report
                assert response.status_code == 503, response.text
            await asyncio.sleep(0.1)


async def jobs_of(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await http.get("/jobs", params={"limit": 200})).json()["items"]
    return items


@pytest.mark.parametrize("point", ["plan.written", "accept.claimed", "accept.written"])
async def test_a_batch_that_was_cut_off_is_made_up_for(
    fragile: Stack, http: httpx.AsyncClient, crashes: Path, project: str, point: Point
) -> None:
    parameters = {"seconds": 0, "price": PRICE}
    jobs = [
        {"kind": "scenes", "prompt": f"{n}", "slot": f"scene/{n}", "parameters": parameters}
        for n in range(MANY)
    ]

    batch = await cut_off(http, crashes, point, "/batches", {"jobs": jobs})
    ids = [item["job"]["id"] for item in batch["items"]]
    async with fragile.client(project) as client:
        ended = await client.finish(*ids)

    assert ids == [keyed_job_id(project, f"k/{n}") for n in range(MANY)]
    assert {item["outcome"] for item in batch["items"]} <= {"accepted", "replayed"}
    assert {job.status for job in ended} == {"succeeded"}
    assert sorted(each.job for each in fragile.ledger(project)) == sorted(ids)
    async with asyncio.timeout(TIMEOUT):  # lists are of the read model, a moment behind
        while {job["id"] for job in await jobs_of(http)} != set(ids):
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("point", ["plan.written", "accept.written"])
async def test_a_retry_of_many_that_was_cut_off_is_made_up_for(
    fragile: Stack, http: httpx.AsyncClient, crashes: Path, project: str, point: Point
) -> None:
    parameters = {"seconds": 0, "price": PRICE, "fault": "policy"}
    jobs = [{"kind": "scenes", "prompt": f"{n}", "parameters": parameters} for n in range(MANY)]
    headers = {"Idempotency-Key": "first"}
    batch = (await http.post("/batches", json={"jobs": jobs}, headers=headers)).json()
    async with fragile.client(project) as client:
        await client.finish(*(item["job"]["id"] for item in batch["items"]))

        body = {"action": "retry", "filter": {"batch": batch["id"]}, "from": "submit"}
        report = await cut_off(http, crashes, point, "/actions", body)
        ids = [item["job"]["id"] for item in report["items"]]
        await client.finish(*ids)

    assert len(set(ids)) == MANY
    assert {item["outcome"] for item in report["items"]} <= {"accepted", "replayed"}
    paid = [each.job for each in fragile.ledger(project)]
    assert len(paid) == len(set(paid)) == 2 * MANY

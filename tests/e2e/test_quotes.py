"""Quotes with everything running: a price that is known before, and holds at every gateway."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from tests.support.documented import documented_client
from tests.support.shell import run_heliograph
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

BODY = {"kind": "image", "prompt": "a lighthouse"}


def priced(price: str, **fields: Any) -> dict[str, Any]:
    return {**BODY, "parameters": {"seconds": 0, "price": price}, **fields}


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


async def quotes(http: httpx.AsyncClient, *jobs: dict[str, Any]) -> dict[str, Any]:
    response = await http.post("/quotes", json={"jobs": list(jobs)})
    assert response.status_code == 200, response.text
    quoted: dict[str, Any] = response.json()
    return quoted


async def test_a_quote_says_price_lane_and_time_and_makes_nothing(
    http: httpx.AsyncClient, project: str
) -> None:
    quoted = await quotes(http, priced("0.02"))

    [item] = quoted["items"]
    assert (quoted["project"], quoted["cost"]["estimated"]) == (project, "0.02")
    assert (item["kind"], item["lane"], item["model"]) == ("image", "portraits", "sim/picture")
    assert (item["cost"]["estimated"], item["cost"]["currency"]) == ("0.02", "USD")
    assert item["price_known"]
    assert item["position"] >= 1
    assert item["eta_seconds"] > 0
    assert (await http.get("/jobs")).json()["items"] == []


async def test_a_list_of_requests_has_one_price(http: httpx.AsyncClient) -> None:
    quoted = await quotes(http, *(priced("0.01", prompt=f"{n}") for n in range(20)))

    assert quoted["cost"]["estimated"] == "0.20"
    assert [item["index"] for item in quoted["items"]] == list(range(20))
    assert len({item["quote"] for item in quoted["items"]}) == 20


async def test_a_mistake_in_one_request_refuses_all_and_is_pointed_at(
    http: httpx.AsyncClient,
) -> None:
    response = await http.post("/quotes", json={"jobs": [BODY, {**BODY, "kind": "nonsense"}]})

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "unknown_kind")
    assert [each["pointer"] for each in problem["errors"]] == ["/jobs/1/kind"]


async def test_a_request_with_its_quote_is_accepted_at_every_gateway(
    stack: Stack, project: str, client: Client
) -> None:
    quote = await client.quote(**priced("0.02"))

    with stack.another("gateway") as (_, address):
        async with Client(address, project=project) as other:
            job = await other.submit(**priced("0.02"), quote=quote.quote, key="k")
            again = await other.submit(**priced("0.02"), quote=quote.quote, key="k")

    assert job.cost.estimated == quote.cost.estimated
    assert again.id == job.id


async def test_a_quote_for_another_request_is_refused(client: Client) -> None:
    quote = await client.quote(**priced("0.02"))

    with pytest.raises(RequestRejected) as error:
        await client.submit(**priced("0.03"), quote=quote.quote)

    assert [each.pointer for each in error.value.problem.errors] == ["/quote"]


async def test_a_quote_for_another_project_is_refused(stack: Stack, client: Client) -> None:
    quote = await client.quote(**priced("0.02"))

    async with stack.client(f"p{uuid4().hex[:12]}") as other:
        with pytest.raises(RequestRejected) as error:
            await other.submit(**priced("0.02"), quote=quote.quote)

    assert error.value.problem.code == "validation_failed"


async def test_a_retry_is_bounded_by_max_cost_and_takes_no_quote(client: Client) -> None:
    parameters = {"seconds": 0, "price": "0.02", "fault": "reject"}
    failed = await client.submit(**priced("0.02", parameters=parameters))
    await client.finish(failed.id)

    with pytest.raises(RequestRejected) as bounded:
        await client.retry(failed.id, start="submit", changes={"max_cost": "0.01"})
    with pytest.raises(RequestRejected) as error:
        await client.retry(failed.id, start="submit", changes={"quote": "q"})

    assert bounded.value.problem.code == "over_max_cost"
    assert [each.pointer for each in error.value.problem.errors] == ["/changes/quote"]


async def test_a_batch_says_what_its_jobs_cost(http: httpx.AsyncClient, client: Client) -> None:
    jobs = [priced("0.01", prompt=f"{n}") for n in range(3)]
    made = await client.batch(jobs)
    assert made.cost
    assert str(made.cost.estimated) == "0.03"

    await client.finish(*(item.job.id for item in made.items if item.job))
    done = await client.get_batch(made.id)

    assert done.cost
    assert str(done.cost.actual) == "0.03"


def test_a_shell_is_told_the_price(stack: Stack, project: str) -> None:
    ended = run_heliograph(
        stack, "quote", "a lighthouse", "-p", project, "-P", "price=0.02", "--json"
    )
    table = run_heliograph(stack, "quote", "a lighthouse", "-p", project, "-P", "price=0.02")

    assert json.loads(ended.stdout)["cost"]["estimated"] == "0.02"
    assert "0.02 USD" in table.stdout


def test_a_shell_may_bound_the_price(stack: Stack, project: str) -> None:
    refused = run_heliograph(
        stack, "submit", "x", "-p", project, "-P", "price=0.02", "--max-cost", "0.01"
    )

    assert refused.returncode == 2
    assert "0.02" in refused.stderr

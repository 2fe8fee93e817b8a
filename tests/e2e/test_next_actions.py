"""Whatever a job fails with, what it offers as the next action can be done, and costs what it says."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.records import Job
from tests.support.stack import Stack

PRICE = "0.01"

#: what makes a job fail, the code that it fails with, and the step that it offers first
FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "provider_rejected": ({"parameters": {"fault": "reject"}}, "submit"),
    "content_policy": ({"parameters": {"fault": "policy"}}, "submit"),
    "provider_protocol": ({"parameters": {"fault": "garbage"}}, "submit"),
    "no_output": ({"parameters": {"fault": "no_output"}}, "submit"),
    "output_refused": ({"parameters": {"fault": "wrong_type"}}, "download"),
    "output_too_large": ({"parameters": {"fault": "huge"}}, "download"),
    "provider_timeout": ({"parameters": {"seconds": 6, "timeout_seconds": 1}}, "poll"),
    "submit_unknown": (
        {"parameters": {"fault": "lost_reply"}, "on_ambiguous": {"action": "fail"}},
        "submit",
    ),
}


async def fail(client: Client, fields: dict[str, Any]) -> Job:
    parameters = {"seconds": 0, "price": PRICE, **fields.get("parameters", {})}
    job = await client.submit(kind="image", prompt="x", **{**fields, "parameters": parameters})
    return await over(client, job.id)


async def over(client: Client, job: str) -> Job:
    async with asyncio.timeout(60):
        while not (found := await client.get(job)).finished_at:
            await asyncio.sleep(0.1)
    return found


@pytest.mark.parametrize("code", FAILURES)
async def test_every_retry_that_is_offered_is_carried_out_at_its_price(
    stack: Stack, client: Client, project: str, code: str
) -> None:
    fields, first = FAILURES[code]
    ended = await fail(client, fields)
    assert ended.error
    retries = [each for each in ended.error.next_actions if each.kind == "retry"]
    paid = len(stack.ledger(project))

    assert ended.error.code == code
    assert next(each.patch for each in retries) == {"from": first}
    for action in retries:
        assert action.patch
        step = action.patch["from"]
        again = await client.retry(ended.id, start=step)
        assert again.cost.estimated == (Decimal(PRICE) if step == "submit" else 0)
        await over(client, again.id)
        if step != "submit":
            assert len(stack.ledger(project)) == paid, "it was free"


@pytest.mark.parametrize("code", ["content_policy", "output_refused"])
async def test_a_retry_without_a_step_is_the_cheapest_or_asks_for_consent(
    stack: Stack, client: Client, project: str, code: str
) -> None:
    fields, first = FAILURES[code]
    ended = await fail(client, fields)
    assert ended.links
    paid = len(stack.ledger(project))

    async with httpx.AsyncClient(timeout=20) as http:
        answer = await http.post(ended.links.retry, json={})

    told = answer.json()
    if first == "submit":
        assert (answer.status_code, told["code"]) == (409, "state_conflict")
        assert PRICE in told["detail"]
        assert told["next_actions"][0]["patch"] == {"from": "submit"}
    else:
        assert (answer.status_code, Decimal(told["cost"]["estimated"])) == (202, Decimal(0))
        await over(client, told["id"])
    assert len(stack.ledger(project)) == paid


async def test_a_job_that_waited_for_one_that_failed_can_be_submitted_again(
    client: Client,
) -> None:
    first = await fail(client, FAILURES["provider_rejected"][0])
    ended = await fail(client, {"after": [first.id]})

    assert ended.error
    assert ended.error.code == "dependency_failed"
    assert ended.error.next_actions[-1].patch == {"from": "submit"}


async def test_a_job_past_its_deadline_offers_what_its_provider_was_doing(client: Client) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    ended = await fail(client, {"parameters": {"seconds": 60}, "finish_by": soon})

    assert ended.error
    assert (ended.status, ended.error.code) == ("expired", "deadline")
    assert {each.kind for each in ended.error.next_actions} == {"retry"}


async def test_a_job_that_is_blocked_says_what_can_be_done(
    stack: Stack, client: Client, project: str
) -> None:
    first = await client.submit(kind="image", prompt="x", parameters={"seconds": 5})
    waiting = await client.submit(kind="image", prompt="y", after=[first.id])

    async with asyncio.timeout(30):
        while (found := await client.get(waiting.id)).phase != "blocked":
            assert not found.finished_at
            await asyncio.sleep(0.1)

    assert found.error
    assert [each.kind for each in found.error.next_actions] == ["wait", "cancel"]

"""Whatever a provider does, its job ends as the table of the sim provider says, and pays once."""

from collections.abc import Callable
from typing import NamedTuple

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PRICE = "0.01"


class Ending(NamedTuple):
    """A row of the table."""

    status: str
    code: str | None
    charged: str
    paid: int
    attempt: int = 1


TABLE = {
    "reject": Ending("failed", "provider_rejected", "no", 0),
    "rate_limited": Ending("succeeded", None, "yes", 1),
    "unavailable": Ending("succeeded", None, "yes", 1, attempt=3),
    "policy": Ending("failed", "content_policy", "yes", 1),
    "found_reply": Ending("succeeded", None, "yes", 1),
    "hang": Ending("failed", "provider_timeout", "unknown", 1),
    "garbage": Ending("failed", "provider_protocol", "yes", 1),
    "no_output": Ending("failed", "no_output", "yes", 1),
    "wrong_type": Ending("failed", "output_refused", "yes", 1),
    "huge": Ending("failed", "output_too_large", "yes", 1),
    "flaky_download": Ending("succeeded", None, "yes", 1),
}


async def _submit(client: Client, fault: str) -> Job:
    parameters = {"seconds": 0.1, "price": PRICE, "fault": fault, "timeout_seconds": 3}
    return await client.submit(kind="image", prompt=f"fault {fault}", parameters=parameters)


@pytest.mark.parametrize("fault", TABLE)
async def test_a_fault_ends_as_the_table_says(
    stack: Stack, client: Client, project: str, fault: str
) -> None:
    job = await _submit(client, fault)

    [ended] = await client.finish(job.id)

    code = ended.error.code if ended.error else None
    paid = len(stack.ledger(project))
    assert Ending(ended.status, code, ended.charged, paid, ended.attempt) == TABLE[fault]


async def test_unavailable_is_tried_again_through_the_queue(stack: Stack, client: Client) -> None:
    job = await _submit(client, "unavailable")
    await client.finish(job.id)

    async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http:
        events = (await http.get(f"/v1/jobs/{job.id}/events")).json()["items"]

    assert sum(event["type"].endswith("retry_scheduled.v1") for event in events) == 2


async def _until_unknown(client: Client, job: str) -> Job:
    return await _until(client, job, lambda current: current.phase == "submit_unknown")


async def _until(client: Client, job: str, is_so: Callable[[Job], bool]) -> Job:
    async with client.follow(job) as events:
        async for event in events:
            if event.job and is_so(event.job):
                return event.job
    raise AssertionError


async def test_a_lost_reply_waits_for_a_decision(
    stack: Stack, client: Client, project: str
) -> None:
    job = await _submit(client, "lost_reply")

    unknown = await _until_unknown(client, job.id)

    assert unknown.status == "running"
    assert unknown.charged == "unknown"
    assert unknown.error is not None
    assert {action.kind for action in unknown.error.next_actions} >= {"retry", "cancel"}
    assert len(stack.ledger(project)) == 1


async def test_a_resubmission_by_decision_pays_a_second_time_and_no_third(
    stack: Stack, client: Client, project: str
) -> None:
    job = await _submit(client, "lost_reply")
    await _until_unknown(client, job.id)

    again = [await client.retry(job.id, start="submit", key="decided") for _ in range(3)]
    await _until(client, job.id, lambda j: j.phase == "submit_unknown" and j.attempt == 2)

    assert {each.id for each in again} == {job.id}
    assert len(stack.ledger(project)) == 2


async def test_giving_up_ends_the_job_with_an_unknown_charge(client: Client) -> None:
    job = await _submit(client, "lost_reply")
    await _until_unknown(client, job.id)

    canceled = await client.cancel(job.id)

    assert canceled.status == "canceled"
    assert canceled.charged == "unknown"


async def test_a_job_may_choose_in_advance_to_fail_on_an_unknown_outcome(client: Client) -> None:
    job = await client.submit(
        kind="image",
        prompt="no questions",
        parameters={"seconds": 0, "price": PRICE, "fault": "lost_reply"},
        on_ambiguous={"action": "fail"},
    )

    [ended] = await client.finish(job.id)

    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error.code == "submit_unknown"
    assert ended.charged == "unknown"

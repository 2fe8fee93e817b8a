"""Jobs that wait for others, with everything running: they start after them, or not at all."""

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from heliograph.client_errors import RequestRejected
from heliograph.contracts.cloudevents import event_type
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.jobs import Job
from tests.support.polling import until
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAST = {"seconds": 0}
LONG = {"seconds": 60}
FAILS = {"seconds": 0, "fault": "policy"}


async def ask(client: Client, **fields: Any) -> Job:
    return await client.submit(
        **{"kind": "shot", "prompt": "a keeper", "parameters": FAST} | fields
    )


async def at(client: Client, job: str, name: str) -> str:
    """When something happened to a job."""
    async with httpx.AsyncClient(base_url=client.url, timeout=TIMEOUT) as http:
        events = (await http.get(f"/v1/jobs/{job}/events")).json()["items"]
    [moment] = [event["at"] for event in events if event["type"] == event_type(name)]
    return str(moment)


async def refusal(client: Client, **fields: Any) -> tuple[int | None, str, list[str]]:
    with pytest.raises(RequestRejected) as error:
        await ask(client, **fields)
    problem = error.value.problem
    return problem.status, problem.code, [each.pointer for each in problem.errors]


# -- waiting


async def test_a_job_starts_when_all_that_it_waits_for_have_succeeded(client: Client) -> None:
    first = await ask(client, parameters={"seconds": 0.5})
    second = await ask(client, parameters={"seconds": 1})
    last = await ask(client, after=[first.id, second.id])

    await client.wait(last.id)

    ended = max(await at(client, first.id, "succeeded"), await at(client, second.id, "succeeded"))
    assert await at(client, last.id, "started") > ended


async def test_a_waiting_job_names_its_dependencies(client: Client) -> None:
    first, second = await ask(client), await ask(client, parameters=LONG)
    await client.wait(first.id)

    job = await ask(client, after=[first.id, second.id])

    shown = await until(client, job.id, phase="blocked", detail=f"waits for {second.id}")
    assert shown.status == "queued"
    assert shown.detail == f"waits for {second.id}"
    assert shown.position is None
    assert shown.error
    assert (shown.error.code, shown.error.retryable) == ("blocked", True)
    await client.cancel(second.id)


async def test_a_job_that_follows_what_is_done_already_starts_at_once(client: Client) -> None:
    first = await client.wait((await ask(client)).id)

    job = await client.wait((await ask(client, after=[first.id, first.id])).id)

    assert job.error is None


async def test_a_waiting_job_does_not_block_others(client: Client) -> None:
    first = await ask(client, parameters=LONG)
    waiting = [await ask(client, after=[first.id], priority="high") for _ in range(12)]

    other = await client.wait((await ask(client, priority="low")).id)

    assert other.status == "succeeded"
    assert (await client.get(waiting[0].id)).status == "queued"
    await client.cancel(first.id)
    await client.finish(*(job.id for job in waiting))


async def test_a_chain_is_made_link_by_link(client: Client) -> None:
    chain = [await ask(client, parameters={"seconds": 0.3})]
    for _ in range(3):
        chain.append(await ask(client, after=[chain[-1].id]))

    await client.wait(chain[-1].id)

    ends = [await at(client, job.id, "succeeded") for job in chain]
    assert ends == sorted(ends)


# -- in vain


@pytest.mark.parametrize("end", ["failed", "canceled", "expired"])
async def test_a_job_fails_with_the_one_that_it_waits_for(client: Client, end: str) -> None:
    long: dict[str, Any] = {"parameters": LONG}
    if end == "failed":
        long = {"parameters": {**FAILS, "seconds": 1}}
    elif end == "expired":
        soon = time.time() + 4
        long["finish_by"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon + 1))
    first = await ask(client, **long)
    job = await ask(client, after=[first.id], parameters={**FAST, "price": "0.01"})
    if end == "canceled":
        await client.cancel(first.id)

    [ended] = await client.finish(job.id)

    word = "was canceled" if end == "canceled" else end
    assert (await client.get(first.id)).status == end
    assert ended.status == "failed"
    assert ended.error
    assert ended.error.code == "dependency_failed"
    assert ended.error.detail == f"{first.id} {word}, and this job was to start after it"
    assert ended.error.charged == ended.charged == "no"
    assert ended.cost.actual == 0


async def test_one_that_failed_before_fails_it_too(client: Client) -> None:
    first = await ask(client, parameters=FAILS)
    await client.finish(first.id)

    [ended] = await client.finish((await ask(client, after=[first.id])).id)

    assert ended.error
    assert ended.error.code == "dependency_failed"


async def test_a_failure_runs_down_the_whole_chain(client: Client) -> None:
    chain = [await ask(client, parameters=LONG)]
    for _ in range(3):
        chain.append(await ask(client, after=[chain[-1].id]))

    await client.cancel(chain[0].id)

    ended = await client.finish(*(job.id for job in chain[1:]))
    assert [job.error and job.error.code for job in ended] == ["dependency_failed"] * 3


async def test_a_job_that_waits_can_be_canceled(client: Client) -> None:
    first = await ask(client, parameters=LONG)
    job = await ask(client, after=[first.id])
    await until(client, job.id, phase="blocked")

    await client.cancel(job.id)

    assert (await client.get(job.id)).status == "canceled"
    await client.cancel(first.id)


async def test_a_job_that_waits_has_its_deadline_all_the_same(client: Client) -> None:
    first = await ask(client, parameters=LONG)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))

    [ended] = await client.finish((await ask(client, after=[first.id], finish_by=soon)).id)

    assert ended.status == "expired"
    await client.cancel(first.id)


async def test_trying_again_waits_for_the_new_one(client: Client) -> None:
    first = await ask(client, parameters=FAILS)
    job = await ask(client, after=[first.id])
    await client.finish(job.id)
    again = await client.retry(first.id, changes={"parameters": FAST})

    repeated = await client.retry(job.id, changes={"after": [again.id]})

    await client.wait(repeated.id)
    assert await at(client, repeated.id, "started") > await at(client, again.id, "succeeded")


# -- what cannot be waited for


async def test_a_job_of_another_project_cannot_be_a_dependency(
    stack: Stack, client: Client
) -> None:
    mine = await ask(client)
    async with stack.client(f"{client.project}-b") as other:
        theirs = await ask(other)

    for stranger in (new_job_id(), theirs.id):
        refused = await refusal(client, after=[mine.id, stranger])
        assert refused == (422, "validation_failed", ["/after/1"])


async def test_only_jobs_and_only_a_few_of_them_can_be_waited_for(client: Client) -> None:
    assert (await refusal(client, after=["job_1"]))[2] == ["/after/0"]
    assert (await refusal(client, after=[new_job_id() for _ in range(17)]))[2] == ["/after"]


async def test_a_request_sent_again_is_the_same_job_however_far_the_others_are(
    client: Client,
) -> None:
    key, first = uuid4().hex, await ask(client, parameters={"seconds": 0.5})
    job = await ask(client, after=[first.id], key=key)
    await client.wait(job.id)

    assert (await ask(client, after=[first.id], key=key)).id == job.id


# -- pictures that are still to be made


async def test_a_video_is_made_from_shots_that_were_not_there_yet(
    stack: Stack, client: Client
) -> None:
    shots = [await ask(client, prompt=f"shot {n}", parameters={"seconds": 1}) for n in range(3)]
    ids = [shot.id for shot in shots]
    pictures = [{"asset": f"ast_{job.removeprefix('job_')}_0"} for job in ids]

    video = await ask(client, kind="trailer", after=ids, references=pictures)

    await client.wait(video.id)
    made = [shot.assets[0].sha256 for shot in await client.finish(*ids)]
    [record] = [each for each in stack.ledger(client.project) if each.job == video.id]
    assert record.references == [f"sha256:{digest}" for digest in made]


async def test_a_reference_without_a_dependency_must_exist(client: Client) -> None:
    shot = await ask(client, parameters=LONG)
    picture = {"asset": f"ast_{shot.id.removeprefix('job_')}_0"}

    assert (await refusal(client, references=[picture]))[2] == ["/references/0"]
    await client.cancel(shot.id)


async def test_a_picture_that_its_job_does_not_make_fails_the_one_that_needs_it(
    client: Client,
) -> None:
    shot = await ask(client, parameters={"seconds": 3})
    picture = {"asset": f"ast_{shot.id.removeprefix('job_')}_7"}

    job = await ask(client, kind="video", after=[shot.id], references=[picture])

    [ended] = await client.finish(job.id)
    assert ended.error
    assert ended.error.code == "reference_failed"


async def test_a_stored_result_is_not_given_before_the_others_are_done(client: Client) -> None:
    made = await client.wait((await ask(client)).id)
    first = await ask(client, parameters=LONG)

    early = await ask(client, after=[first.id], reuse=True)
    late = await ask(client, after=[made.id], reuse=True)

    assert (early.status, late.status) == ("queued", "succeeded")
    await client.cancel(first.id)

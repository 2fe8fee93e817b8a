"""Tokens that an app makes for its end users hold at every door, and for no more than they say."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from tests.support.access import bearer, token_of
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

JOB: dict[str, Any] = {"kind": "image", "prompt": "x", "parameters": {"seconds": 0}}


def jobs_of(stack: Stack, project: str) -> str:
    return f"{stack.url('gateway')}/v1/projects/{project}/jobs"


async def submitted(
    http: httpx.AsyncClient, stack: Stack, project: str, headers: dict[str, str], **fields: Any
) -> httpx.Response:
    return await http.post(jobs_of(stack, project), json={**JOB, **fields}, headers=headers)


async def test_a_token_submits_and_follows_in_its_project(keyed: Stack, project: str) -> None:
    async with Client(keyed.url("gateway"), project=project, key=token_of(project)) as client:
        job = await client.submit(**JOB)
        assert (await client.wait(job.id)).status == "succeeded"


async def test_a_token_sees_no_other_project(
    keyed: Stack, http: httpx.AsyncClient, project: str
) -> None:
    headers = bearer(token_of(some_project()))

    responses = [
        await http.get(jobs_of(keyed, project), headers=headers),
        await http.get(
            f"{keyed.url('status')}/v1/events", params={"project": project}, headers=headers
        ),
    ]

    assert [response.status_code for response in responses] == [404, 404]


@pytest.mark.parametrize("claims", [{"scopes": []}, {"scopes": ["admin"]}])
async def test_a_token_without_scopes_allows_nothing(
    keyed: Stack, http: httpx.AsyncClient, project: str, claims: dict[str, Any]
) -> None:
    response = await http.get(jobs_of(keyed, project), headers=bearer(token_of(project, **claims)))

    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")


async def test_an_expired_token_is_as_none(
    keyed: Stack, http: httpx.AsyncClient, project: str
) -> None:
    at = time.time()
    response = await http.get(
        jobs_of(keyed, project), headers=bearer(token_of(project, iat=at - 300, exp=at - 1))
    )

    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


async def test_a_token_for_a_job_sees_that_one_only(
    keyed: Stack, http: httpx.AsyncClient, project: str
) -> None:
    whole = bearer(token_of(project))
    one, other = [(await submitted(http, keyed, project, whole)).json()["id"] for _ in range(2)]
    bound = bearer(token_of(project, jobs=[one]))
    job, events = f"{keyed.url('gateway')}/v1/jobs", f"{keyed.url('status')}/v1/events"

    seen = await http.get(f"{job}/{one}", headers=bound)
    unseen = await http.get(f"{job}/{other}", headers=bound)
    listed = await http.get(jobs_of(keyed, project), headers=bound)
    followed = await http.get(events, params={"project": project, "job": other}, headers=bound)

    assert seen.json()["id"] == one
    assert (unseen.status_code, unseen.json()["detail"]) == (404, f"there is no job {other}")
    assert (listed.status_code, listed.json()["code"]) == (403, "insufficient_scope")
    assert followed.status_code == 404


async def test_a_user_asks_in_no_other_name(
    keyed: Stack, http: httpx.AsyncClient, project: str
) -> None:
    ada = bearer(token_of(project, user="ada"))
    batches = f"{keyed.url('gateway')}/v1/projects/{project}/batches"

    own = await submitted(http, keyed, project, ada)
    other = await submitted(http, keyed, project, ada, user="bob")
    batch = await http.post(batches, json={"jobs": [JOB, {**JOB, "user": "bob"}]}, headers=ada)
    retry = await http.post(
        f"{keyed.url('gateway')}/v1/jobs/{own.json()['id']}/retry",
        json={"from": "submit", "changes": {"user": "bob"}},
        headers=ada,
    )

    assert own.json()["user"] == "ada"
    pointers = [response.json()["errors"][0]["pointer"] for response in (other, batch, retry)]
    assert pointers == ["/user", "/jobs/1/user", "/changes/user"]


async def test_a_stream_ends_with_its_token(
    keyed: Stack, http: httpx.AsyncClient, project: str
) -> None:
    events = f"{keyed.url('status')}/v1/events"
    headers = bearer(token_of(project, exp=time.time() + 5))

    async with (
        http.stream("GET", events, params={"project": project}, headers=headers) as stream,
        asyncio.timeout(TIMEOUT),
    ):
        lines = [line async for line in stream.aiter_lines()]

    assert "event: subscribed" in lines

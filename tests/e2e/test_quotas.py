"""Quotas with everything running: how much may be asked for, whichever gateway is asked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from tests.support.documented import documented_client
from tests.support.polling import until_true
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAST = {"seconds": 0}
LONG = {"seconds": 30}
AN_HOUR = {"window_seconds": 3_600}


@pytest.fixture
async def http(stack: Stack, project: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"{stack.url('gateway')}/v1/projects/{project}"
    async with documented_client(base, timeout=TIMEOUT) as http:
        yield http


async def set_quotas(http: httpx.AsyncClient, **quotas: Any) -> dict[str, Any]:
    response = await http.patch(str(http.base_url).rstrip("/"), json={"quotas": quotas})
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()["quotas"]
    return changed


async def ask(
    http: httpx.AsyncClient,
    parameters: dict[str, Any] = FAST,
    key: str | None = None,
    **fields: Any,
) -> httpx.Response:
    body = {"kind": "image", "prompt": "x", "parameters": parameters, **fields}
    return await http.post("/jobs", json=body, headers={"Idempotency-Key": key or uuid4().hex})


async def cancel_all(client: Client) -> None:
    for status in ("queued", "running"):
        async for job in client.jobs(status=status):
            await client.cancel(job.id)


# -- rates


async def test_more_requests_than_a_window_allows_are_told_to_wait(http: httpx.AsyncClient) -> None:
    await set_quotas(http, requests={"limit": 2, **AN_HOUR})

    responses = [await ask(http) for _ in range(3)]

    assert [each.status_code for each in responses] == [202, 202, 429]
    assert responses[0].headers["ratelimit-policy"] == '"requests-project";q=2;w=3600'
    assert responses[0].headers["ratelimit"].startswith('"requests-project";r=1;t=')
    refused, problem = responses[2], responses[2].json()
    assert (problem["code"], problem["retryable"]) == ("rate_limited", True)
    assert 1 <= int(refused.headers["retry-after"]) <= 3_600
    assert refused.headers["ratelimit-policy"] == '"requests-project";q=2;w=3600'
    assert refused.headers["ratelimit"].startswith('"requests-project";r=0;t=')


async def test_a_known_key_is_answered_and_not_counted(http: httpx.AsyncClient) -> None:
    await set_quotas(http, requests={"limit": 2, **AN_HOUR}, jobs_in_flight=2)
    first = await ask(http, LONG, key="k")

    again = [await ask(http, LONG, key="k") for _ in range(5)]
    second = await ask(http, LONG, key="other")
    still = await ask(http, LONG, key="k")

    assert {each.json()["id"] for each in (*again, still)} == {first.json()["id"]}
    assert second.status_code == 202


async def test_a_refused_key_may_be_used_again(http: httpx.AsyncClient) -> None:
    await set_quotas(http, requests={"limit": 1, **AN_HOUR})
    await ask(http)
    refused = await ask(http, key="k")

    await set_quotas(http, requests=None)
    accepted = await ask(http, key="k")

    assert (refused.status_code, accepted.status_code) == (429, 202)


async def test_a_batch_is_admitted_as_a_whole(http: httpx.AsyncClient) -> None:
    await set_quotas(http, requests={"limit": 5, **AN_HOUR})
    jobs = [{"kind": "image", "prompt": f"{n}", "parameters": FAST} for n in range(6)]

    refused = await http.post("/batches", json={"jobs": jobs})
    accepted = await http.post("/batches", json={"jobs": jobs[:5]})

    assert (refused.status_code, accepted.status_code) == (429, 202)


async def test_a_request_that_is_refused_for_another_reason_is_not_counted(
    http: httpx.AsyncClient,
) -> None:
    await set_quotas(http, requests={"limit": 2, **AN_HOUR}, jobs_in_flight=2)
    assert (await ask(http, LONG, slot="a")).status_code == 202

    busy = await ask(http, LONG, slot="a", prompt="another")
    accepted = await ask(http)

    assert (busy.status_code, accepted.status_code) == (409, 202)


async def test_a_pair_that_is_refused_keeps_no_permits(
    http: httpx.AsyncClient, client: Client
) -> None:
    await set_quotas(http, jobs_in_flight=3)
    assert (await ask(http, LONG, slot="cast/alice/ref_b")).status_code == 202

    pair = {"operation": "create", "prompt": "alice"}
    refused = await http.put("/cast/alice/refs", json=pair)
    accepted = [await ask(http, LONG) for _ in range(3)]

    assert refused.status_code == 409
    assert [each.status_code for each in accepted] == [202, 202, 429]
    await cancel_all(client)


async def test_two_gateways_let_no_more_through_than_one(
    stack: Stack, project: str, http: httpx.AsyncClient
) -> None:
    limit, lease = 40, 2
    await set_quotas(http, requests={"limit": limit, **AN_HOUR})

    with stack.another("gateway") as (_, address):
        async with httpx.AsyncClient(
            base_url=f"{address}/v1/projects/{project}", timeout=TIMEOUT
        ) as other:
            responses = await asyncio.gather(
                *(ask((http, other)[n % 2], prompt=f"{n}") for n in range(2 * limit))
            )

    codes = Counter(each.status_code for each in responses)
    assert limit - (lease - 1) <= codes[202] <= limit
    assert codes[202] + codes[429] == 2 * limit


# -- jobs at once


async def test_no_more_jobs_are_open_than_the_quota_says(
    http: httpx.AsyncClient, client: Client
) -> None:
    await set_quotas(http, jobs_in_flight=2)
    responses = [await ask(http, LONG) for _ in range(3)]
    assert [each.status_code for each in responses] == [202, 202, 429]
    assert responses[2].json()["code"] == "too_many_jobs"
    assert responses[2].headers["ratelimit-policy"] == '"jobs-in-flight";q=2'

    await client.cancel(responses[0].json()["id"])

    async def has_room() -> bool:
        return (await ask(http, LONG)).status_code == 202

    await until_true(has_room)
    await cancel_all(client)


async def test_a_known_key_with_another_body_frees_no_permit(
    http: httpx.AsyncClient, client: Client
) -> None:
    await set_quotas(http, jobs_in_flight=1)
    first = await ask(http, LONG, key="k")

    reused = await ask(http, LONG, key="k", prompt="another")
    second = await ask(http, LONG)

    assert [each.status_code for each in (first, reused, second)] == [202, 422, 429]
    await cancel_all(client)


async def test_a_job_that_has_started_waits_no_more(
    http: httpx.AsyncClient, client: Client
) -> None:
    await set_quotas(http, jobs_queued=1)
    assert (await ask(http, LONG)).status_code == 202

    async def has_room() -> bool:
        return (await ask(http, LONG)).status_code == 202

    await until_true(has_room)
    await cancel_all(client)


async def test_each_user_has_quotas_of_their_own(http: httpx.AsyncClient, client: Client) -> None:
    await set_quotas(http, user={"jobs_in_flight": 1})

    codes = [
        (await ask(http, LONG, user=user)).status_code for user in ("alice", "bob", "alice", "bob")
    ]
    nobody = [(await ask(http, LONG)).status_code for _ in range(2)]

    assert (codes, nobody) == ([202, 202, 429, 429], [202, 202])
    await cancel_all(client)


async def test_two_gateways_open_no_more_jobs_than_one(
    stack: Stack, project: str, http: httpx.AsyncClient, client: Client
) -> None:
    await set_quotas(http, jobs_in_flight=10)

    with stack.another("gateway") as (_, address):
        async with httpx.AsyncClient(
            base_url=f"{address}/v1/projects/{project}", timeout=TIMEOUT
        ) as other:
            responses = await asyncio.gather(
                *(ask((http, other)[n % 2], LONG, prompt=f"{n}") for n in range(40))
            )

    assert Counter(each.status_code for each in responses) == {202: 10, 429: 30}
    await cancel_all(client)


# -- settings


async def test_quotas_are_read_where_they_are_set(http: httpx.AsyncClient) -> None:
    await set_quotas(http, requests={"limit": 100}, user={"jobs_in_flight": 3})
    await set_quotas(http, jobs_queued=7)

    limits = (await http.get(str(http.base_url).rstrip("/"))).json()["quotas"]

    assert limits == {
        "requests": {"limit": 100, "window_seconds": 60},
        "jobs_in_flight": None,
        "jobs_queued": 7,
        "user": {"requests": None, "jobs_in_flight": 3, "jobs_queued": None},
    }


@pytest.mark.parametrize(
    ("quotas", "pointer"),
    [
        ({"requests": {"limit": 0}}, "/quotas/requests/limit"),
        ({"requests": {"limit": 1, "window_seconds": 86_401}}, "/quotas/requests/window_seconds"),
        ({"jobs_in_flight": 1_001}, "/quotas/jobs_in_flight"),
        ({"user": {"user": {}}}, "/quotas/user/user"),
    ],
)
async def test_a_quota_that_cannot_be_is_pointed_at(
    http: httpx.AsyncClient, quotas: dict[str, Any], pointer: str
) -> None:
    response = await http.patch(str(http.base_url).rstrip("/"), json={"quotas": quotas})

    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == [pointer]

"""Server-sent events: the live stream for clients that only listen."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from shutil import which

import httpx
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from heliograph.client import Client
from heliograph.contracts.id_generation import new_job_id
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

FAST = {"seconds": 0.1}
SUCCEEDED = "heliograph.job.succeeded.v1"


@asynccontextmanager
async def listening(
    stack: Stack, last: str | None = None, **query: str
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    """What the stream says."""
    headers = {"Last-Event-ID": last} if last else {}
    async with (
        httpx.AsyncClient(base_url=stack.url("status"), timeout=TIMEOUT) as http,
        aconnect_sse(http, "GET", "/v1/events", params=query, headers=headers) as source,
    ):
        yield source.aiter_sse()


async def _until_done(events: AsyncIterator[ServerSentEvent], jobs: int) -> list[ServerSentEvent]:
    """The events up to the end of so many jobs, without progress."""
    heard: list[ServerSentEvent] = []
    async for event in events:
        if event.event == "progress":
            continue
        heard.append(event)
        jobs -= event.event == "event" and event.json()["type"] == SUCCEEDED
        if not jobs:
            return heard
    raise AssertionError(f"the stream ended: {heard}")


def _sequences(heard: list[ServerSentEvent]) -> list[int]:
    return [event.json()["sequence"] for event in heard if event.event == "event"]


async def _history(stack: Stack, job: str) -> list[int]:
    async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http:
        items = (await http.get(f"/v1/jobs/{job}/events")).json()["items"]
    return [item["sequence"] for item in items]


async def test_a_listener_receives_a_job_from_its_first_event_to_its_picture(
    stack: Stack, client: Client, project: str
) -> None:
    async with listening(stack, project=project) as events:
        greeting = [await anext(events), await anext(events)]
        job = await client.submit(kind="image", prompt="x", parameters=FAST)

        heard = await _until_done(events, 1)

    assert [event.event for event in greeting] == ["subscribed", "snapshot"]
    assert _sequences(heard) == await _history(stack, job.id)
    assert heard[-1].json()["job"]["assets"][0]["url"]


async def test_a_listener_of_one_job_receives_no_other(
    stack: Stack, client: Client, project: str
) -> None:
    mine, other = [
        await client.submit(kind="image", prompt=prompt, parameters={"seconds": seconds})
        for prompt, seconds in (("mine", 3), ("other", 0))
    ]

    async with listening(stack, project=project, job=mine.id) as events:
        heard = await _until_done(events, 1)

    assert {event.json()["job"]["id"] for event in heard if event.event == "event"} == {mine.id}
    assert other.id not in str([event.data for event in heard])


async def test_a_listener_that_comes_back_misses_nothing(
    stack: Stack, client: Client, project: str
) -> None:
    async with listening(stack, project=project) as events:
        assert [(await anext(events)).event for _ in range(2)] == ["subscribed", "snapshot"]
        first = await client.submit(kind="image", prompt="first", parameters=FAST)
        before = await _until_done(events, 1)
    second = await client.wait(
        (await client.submit(kind="image", prompt="second", parameters=FAST)).id
    )

    async with listening(stack, before[-1].id, project=project) as events:
        after = await _until_done(events, 1)

    assert after[0].event == "subscribed"
    assert after[0].json()["recovered"] is True
    assert _sequences(before) == await _history(stack, first.id)
    assert _sequences(after) == await _history(stack, second.id)


async def test_every_event_has_an_id_to_come_back_with(
    stack: Stack, client: Client, project: str
) -> None:
    async with listening(stack, project=project) as events:
        await client.submit(kind="image", prompt="x", parameters=FAST)
        heard = await _until_done(events, 1)

    epoch = heard[0].json()["epoch"]
    events_and_snapshot = [event for event in heard if event.event != "subscribed"]
    assert [event.id for event in events_and_snapshot] == [
        f"{epoch}-{event.json()['sequence']}" for event in events_and_snapshot
    ]


@pytest.mark.parametrize("last", ["", "nonsense", "other-12", "-5", "x" * 200 + "-1"])
async def test_an_id_of_another_history_begins_anew(stack: Stack, project: str, last: str) -> None:
    async with listening(stack, last, project=project) as events:
        subscribed, snapshot = [await anext(events), await anext(events)]

    assert subscribed.json()["recovered"] is False
    assert snapshot.event == "snapshot"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "/query/project"),
        ({"project": "a b"}, "/query/project"),
        ({"project": "p", "job": "nobody"}, "/query/job"),
        ({"project": "p", "jobs": "x"}, "/query/jobs"),
    ],
)
async def test_a_wrong_question_is_refused(
    stack: Stack, query: dict[str, str], pointer: str
) -> None:
    async with httpx.AsyncClient(base_url=stack.url("status"), timeout=TIMEOUT) as http:
        response = await http.get("/v1/events", params=query)

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


async def test_a_job_that_does_not_exist_is_not_found(stack: Stack, project: str) -> None:
    query = {"project": project, "job": new_job_id()}
    async with httpx.AsyncClient(base_url=stack.url("status"), timeout=TIMEOUT) as http:
        response = await http.get("/v1/events", params=query)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.skipif(which("curl") is None, reason="there is no curl")
async def test_curl_can_listen(stack: Stack, client: Client, project: str) -> None:
    url = f"{stack.url('status')}/v1/events?project={project}"
    curl = await asyncio.create_subprocess_exec(
        "curl", "--silent", "--no-buffer", url, stdout=subprocess.PIPE
    )
    assert curl.stdout

    first = await asyncio.wait_for(curl.stdout.readline(), TIMEOUT)

    curl.send_signal(signal.SIGTERM)
    await curl.wait()
    assert first == b"event: subscribed\n"

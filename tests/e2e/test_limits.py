"""Lanes and accounts: how much runs at once is changed while it runs, and seen by everybody."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from heliograph.client import Client
from heliograph.contracts.cloudevents import event_type
from heliograph.contracts.jobs import Job
from tests.support.documented import documented_client
from tests.support.polling import until, until_one_runs
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway, with every lane and account as the catalog has it again afterwards."""
    async with documented_client(stack.url("gateway"), timeout=TIMEOUT) as http:
        yield http
        for lane in (await http.get("/v1/lanes")).json()["items"]:
            await http.patch(f"/v1/lanes/{lane['name']}", json={"reset": True})
        await http.patch("/v1/accounts/sim", json={"reset": True})


async def _lane(http: httpx.AsyncClient, name: str) -> dict[str, Any]:
    lanes = (await http.get("/v1/lanes")).json()["items"]
    return next(lane for lane in lanes if lane["name"] == name)


async def _shots(client: Client, count: int, seconds: float) -> list[str]:
    submissions = (
        client.submit(kind="shot", prompt=f"shot {n}", parameters={"seconds": seconds})
        for n in range(count)
    )
    return [job.id for job in await asyncio.gather(*submissions)]


async def _most_at_once(http: httpx.AsyncClient, jobs: list[Job]) -> int:
    """How many of them were rendered at the same time, by their events."""
    changes: list[tuple[str, int]] = []
    for job in jobs:
        events = (await http.get(f"/v1/jobs/{job.id}/events")).json()["items"]
        at = {event["type"]: event["at"] for event in events}
        changes += [(at[event_type("started")], 1), (at[event_type("rendered")], -1)]
    running, most = 0, 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


async def _until_lane(http: httpx.AsyncClient, **expected: Any) -> None:
    """Until the dispatcher knows it so."""
    async with asyncio.timeout(TIMEOUT):
        while not expected.items() <= (await _lane(http, "shots")).items():
            await asyncio.sleep(0.05)


async def test_a_lower_cap_holds_for_everything_that_starts(
    client: Client, http: httpx.AsyncClient
) -> None:
    changed = await http.patch("/v1/lanes/shots", json={"cap": 2})

    ended = await client.finish(*await _shots(client, 8, 0.3))

    assert changed.json()["cap"] == 2
    assert await _most_at_once(http, ended) <= 2


async def test_a_higher_cap_is_used_at_once(client: Client, http: httpx.AsyncClient) -> None:
    await http.patch("/v1/lanes/shots", json={"cap": 1})
    jobs = await _shots(client, 12, 3)
    await until_one_runs(client, jobs)

    await http.patch("/v1/lanes/shots", json={"cap": 12})

    ended = await client.finish(*jobs)
    assert await _most_at_once(http, ended) > 6


async def test_reset_restores_the_cap_of_the_catalog(http: httpx.AsyncClient) -> None:
    before = await _lane(http, "shots")
    await http.patch("/v1/lanes/shots", json={"cap": 3, "paused": True})

    after = await http.patch("/v1/lanes/shots", json={"reset": True})

    assert (after.json()["cap"], after.json()["paused"]) == (before["cap"], False)


async def test_nothing_starts_in_a_paused_lane_and_its_jobs_say_why(
    client: Client, http: httpx.AsyncClient
) -> None:
    await http.patch("/v1/lanes/shots", json={"paused": True})
    await _until_lane(http, paused=True)
    jobs = await _shots(client, 3, 0)

    held = await until(client, jobs[0], phase="blocked")

    assert (held.status, held.detail) == ("queued", "lane shots is paused")
    assert held.error
    assert (held.error.code, held.error.retryable, held.error.charged) == ("blocked", True, "no")
    await _until_lane(http, waiting=3)
    await http.patch("/v1/lanes/shots", json={"paused": False})
    ended = await client.finish(*jobs)
    assert {job.status for job in ended} == {"succeeded"}
    assert {job.error for job in ended} == {None}


async def test_the_dispatcher_knows_of_a_pause_before_the_response_to_it(
    http: httpx.AsyncClient,
) -> None:
    """So nothing starts that comes after it."""
    for is_paused in (True, False) * 10:
        await http.patch("/v1/lanes/shots", json={"paused": is_paused})

        assert (await http.get("/v1/lanes/shots/queue")).json()["paused"] is is_paused


async def test_a_job_that_runs_when_its_lane_is_paused_goes_on(
    client: Client, http: httpx.AsyncClient
) -> None:
    [job] = await _shots(client, 1, 3)
    await until(client, job, status="running")

    await http.patch("/v1/lanes/shots", json={"paused": True})

    [ended] = await client.finish(job)
    assert ended.status == "succeeded"


async def _on_two_lanes(client: Client, count: int, seconds: float) -> list[str]:
    """As many jobs on each."""
    others = [
        client.submit(kind="portrait", prompt=f"{n}", parameters={"seconds": seconds})
        for n in range(count)
    ]
    shots = await _shots(client, count, seconds)
    return [*shots, *[job.id for job in await asyncio.gather(*others)]]


async def test_the_cap_of_an_account_bounds_all_lanes_together(
    client: Client, http: httpx.AsyncClient
) -> None:
    changed = await http.patch("/v1/accounts/sim", json={"cap": 2})

    jobs = await _on_two_lanes(client, 4, 0.3)

    account = {name: value for name, value in changed.json().items() if name != "last_hour"}
    assert account == {
        "name": "sim",
        "provider": "sim",
        "cap": 2,
        "in_use": 0,
        "breaker": {"state": "closed", "reason": None, "until": None},
    }
    ended = await client.finish(*jobs)
    assert {job.status for job in ended} == {"succeeded"}
    assert await _most_at_once(http, ended) <= 2


async def test_the_cap_of_an_account_is_taken_back(client: Client, http: httpx.AsyncClient) -> None:
    await http.patch("/v1/accounts/sim", json={"cap": 1})
    jobs = await _on_two_lanes(client, 2, 60)
    await until(client, jobs[-1], phase="blocked")

    changed = await http.patch("/v1/accounts/sim", json={"reset": True})

    assert (changed.json()["cap"], changed.json()["in_use"]) == (None, None)
    [account] = [a for a in (await http.get("/v1/accounts")).json()["items"] if a["name"] == "sim"]
    assert account["cap"] is None
    for job in jobs:
        await until(client, job, status="running")
        await client.cancel(job)


async def test_a_cap_is_changed_and_reset_with_one_request(http: httpx.AsyncClient) -> None:
    changed = await http.patch("/v1/accounts/sim", json={"reset": True, "cap": 3})

    assert changed.json()["cap"] == 3


async def test_a_job_that_waits_for_an_account_says_so(
    client: Client, http: httpx.AsyncClient
) -> None:
    await http.patch("/v1/accounts/sim", json={"cap": 2})

    jobs = await _on_two_lanes(client, 2, 60)

    held = await until(client, jobs[-1], phase="blocked")
    assert held.detail == "account sim is full: 2 at once"
    assert held.detail in (await _lane(http, "portraits"))["blocked"]
    for job in jobs:
        await client.cancel(job)


async def test_a_full_account_keeps_jobs_in_the_order_in_which_they_came(
    client: Client, http: httpx.AsyncClient
) -> None:
    await http.patch("/v1/accounts/sim", json={"cap": 1})
    await client.finish(*await _shots(client, 1, 0.05))  # by now the dispatcher knows of the cap
    jobs = [job for _ in range(12) for job in await _shots(client, 1, 0.05)]

    ended = await client.finish(*jobs)

    started = sorted(ended, key=lambda job: job.started_at or job.created_at)
    assert [job.id for job in started] == jobs


async def test_a_full_account_has_room_as_soon_as_a_job_is_done(
    client: Client, http: httpx.AsyncClient
) -> None:
    await http.patch("/v1/accounts/sim", json={"cap": 1})

    ended = await client.finish(*await _shots(client, 6, 0))

    started = [job.started_at for job in ended if job.started_at]
    assert (max(started) - min(started)).total_seconds() < 6


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("lanes/shots", {"cap": 0}, "/cap"),
        ("lanes/shots", {"cap": 10_001}, "/cap"),
        ("lanes/shots", {"cap": "many"}, "/cap"),
        ("lanes/shots", {"speed": 2}, "/speed"),
        ("lanes/shots", {}, ""),
        ("accounts/sim", {"cap": 0}, "/cap"),
        ("accounts/sim", {}, ""),
        ("accounts/sim", {"reset": False}, ""),
    ],
)
async def test_an_invalid_limit_is_refused(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], pointer: str
) -> None:
    response = await http.patch(f"/v1/{path}", json=body)

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("path", ["lanes/nowhere", "accounts/nobody"])
async def test_what_is_not_there_cannot_be_changed(http: httpx.AsyncClient, path: str) -> None:
    response = await http.patch(f"/v1/{path}", json={"cap": 2})

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_a_waiting_job_knows_its_turn_and_when_it_will_be_done(
    client: Client, http: httpx.AsyncClient
) -> None:
    await http.patch("/v1/lanes/shots", json={"cap": 1})
    jobs = await _shots(client, 6, 20)
    running = await asyncio.gather(*(client.get(job) for job in jobs))
    async with asyncio.timeout(TIMEOUT):
        while sum(job.status == "running" for job in running) != 1:
            running = await asyncio.gather(*(client.get(job) for job in jobs))

    etas: dict[int, float] = {}
    async with asyncio.timeout(TIMEOUT):  # the dispatcher may be too busy to answer at once
        while set(etas) != set(range(1, 6)):
            shown = [await client.get(job) for job in jobs]
            waiting = [(job.position, job.progress) for job in shown]
            etas = {turn: its.eta_seconds or 0 for turn, its in waiting if turn and its}
    steps = [etas[turn + 1] - etas[turn] for turn in range(1, 5)]
    assert min(steps) > 0
    assert max(steps) == pytest.approx(min(steps))
    await asyncio.gather(*(client.cancel(job) for job in jobs))


async def test_an_account_says_how_its_provider_did_lately(
    client: Client, http: httpx.AsyncClient
) -> None:
    await client.wait((await client.submit(kind="image", prompt="x")).id)

    async with asyncio.timeout(TIMEOUT):  # statistics are a few seconds old
        while True:
            accounts = (await http.get("/v1/accounts")).json()["items"]
            [sim] = [each for each in accounts if each["name"] == "sim"]
            if sim["last_hour"] and sim["last_hour"]["p50_seconds"]:
                break
            await asyncio.sleep(0.2)

    assert sim["last_hour"]["attempts"] >= 1
    assert 0 <= sim["last_hour"]["error_rate"] <= 1
    assert sim["last_hour"]["p50_seconds"] <= sim["last_hour"]["p95_seconds"]

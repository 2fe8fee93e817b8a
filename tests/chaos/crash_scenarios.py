"""
Crash scenarios: what a client does to lead a job past each crash point, and on to its end.

A point is armed before its scenario runs. The client sees only broken connections of a crash, and
repeats requests that were not answered, as any client would.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from heliograph.contracts.id_generation import keyed_job_id
from heliograph.runtime.crash_points import Point
from tests.chaos.journal import ANSWER_TIMEOUT, Journal, SentRequest, submit
from tests.support.records import some_project
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

PRICE = "0.01"
FINAL = ("succeeded", "failed", "canceled", "expired")
_LOOK_AGAIN = 0.1  #: seconds
_MAX_RUNS = 5  #: of a scenario that a crash elsewhere kept from its point


class NeverReached(AssertionError):
    """No process reached a crash point, although its scenario ran."""


@dataclass
class ScenarioClient:
    """A client that runs scenarios on a running stack, in a project of its own."""

    stack: Stack
    journal: Journal
    crashes: Path  #: the folder in which points are armed
    project: str = field(default_factory=some_project)

    async def run_scenario(self, point: Point, scenario: "Scenario") -> None:
        """Arm the point, and run its scenario until a process died there. Raises NeverReached."""
        armed = self.crashes / point
        armed.touch()
        for _ in range(_MAX_RUNS):
            await scenario(self)
            if not armed.exists():
                return
        raise NeverReached(point)

    def request(self, **fields: Any) -> SentRequest:
        """A request for a picture, with a key of its own."""
        seconds = {"price": PRICE, "seconds": 0.1}
        parameters = {**seconds, **fields.pop("parameters", {})}
        body = {"kind": "image", "prompt": "a scenario", **fields, "parameters": parameters}
        return SentRequest(self.project, uuid4().hex, body)

    async def ask(self, request: SentRequest) -> str:
        """The job that answers a request."""
        self.journal.requests.append(request)
        await submit(self.stack, request)
        assert request.job, request.refusal
        return request.job

    async def ask_once(self, request: SentRequest) -> str:
        """Send a request and never look back. Returns the id that its job has, if there is one."""
        url = f"{self.stack.url('gateway')}/v1/projects/{request.project}/jobs"
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as http:
            with suppress(httpx.TransportError):
                await http.post(url, json=request.body, headers={"Idempotency-Key": request.key})
        return keyed_job_id(request.project, request.key)

    async def post(self, path: str, headers: dict[str, str], body: Any = None) -> Any:
        """Ask for something until somebody answers. Returns the response."""
        return await self._send("POST", path, headers, body or {})

    async def set_budget(self, total: str) -> None:
        """Let the project's jobs cost so much."""
        await self._send("PUT", f"/v1/projects/{self.project}/budget", {}, {"total": total})

    async def _send(self, method: str, path: str, headers: dict[str, str], body: Any) -> Any:
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as http, asyncio.timeout(TIMEOUT):
            while True:
                with suppress(httpx.TransportError):
                    url = self.stack.url("gateway") + path
                    response = await http.request(method, url, json=body, headers=headers)
                    if response.status_code < 500:
                        return response.json()
                await asyncio.sleep(_LOOK_AGAIN)

    async def cancel(self, job: str) -> None:
        await self.post(f"/v1/jobs/{job}/cancel", {})

    async def until(self, job: str, *expected: str) -> None:
        """Until the job's status or phase is one of these."""
        url = f"{self.stack.url('gateway')}/v1/jobs/{job}"
        current: dict[str, Any] = {}
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as http:
            try:
                async with asyncio.timeout(TIMEOUT):
                    while not {current.get("status"), current.get("phase")} & set(expected):
                        await asyncio.sleep(_LOOK_AGAIN)
                        with suppress(httpx.TransportError, ValueError):
                            current = (await http.get(url)).json()
            except TimeoutError:
                raise AssertionError(f"{job} was never {expected}: {current}") from None

    async def finish(self, job: str) -> None:
        await self.until(job, *FINAL)

    async def until_listed(self, job: str) -> None:
        """Until the list of what has succeeded knows it, too."""
        url = f"{self.stack.url('gateway')}/v1/projects/{self.project}/jobs"
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as http, asyncio.timeout(TIMEOUT):
            listed: list[str] = []
            while job not in listed:
                await asyncio.sleep(_LOOK_AGAIN)
                with suppress(httpx.TransportError, ValueError):
                    page = (await http.get(url, params={"status": "succeeded"})).json()
                    listed = [each["id"] for each in page.get("items", [])]

    async def has_begun(self, job: str) -> bool:
        """Whether there is such a job."""
        url = f"{self.stack.url('gateway')}/v1/jobs/{job}"
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT) as http, asyncio.timeout(TIMEOUT):
            while True:
                with suppress(httpx.TransportError):
                    response = await http.get(url)
                    if response.status_code < 500:
                        return response.is_success
                await asyncio.sleep(_LOOK_AGAIN)


Scenario = Callable[[ScenarioClient], Awaitable[None]]


async def made(client: ScenarioClient) -> None:
    """A picture in a slot."""
    await client.finish(await client.ask(client.request(slot=f"scenario/{uuid4().hex[:8]}")))


async def reconciled(client: ScenarioClient) -> None:
    """The response to the POST is lost; the request is not."""
    await client.finish(await client.ask(client.request(parameters={"fault": "found_reply"})))


async def lost_for_good(client: ScenarioClient) -> None:
    """The response is lost, and so is the request; the job may fail for it."""
    request = client.request(parameters={"fault": "lost_reply"}, on_ambiguous={"action": "fail"})
    await client.finish(await client.ask(request))


async def refused_twice(client: ScenarioClient) -> None:
    """The provider wants the request later."""
    await client.finish(await client.ask(client.request(parameters={"fault": "unavailable"})))


async def stopped(client: ScenarioClient) -> None:
    """Canceled while the provider works on it."""
    job = await client.ask(client.request(parameters={"seconds": 60}))
    await client.until(job, "rendering", *FINAL)
    await client.cancel(job)
    await client.finish(job)


async def given_up(client: ScenarioClient) -> None:
    """Canceled while it waits for its turn, behind jobs that fill its lane."""
    requests = [client.request(kind="scenes", parameters={"seconds": 60}) for _ in range(8)]
    jobs = [await client.ask(request) for request in requests]
    for job in reversed(jobs):
        await client.cancel(job)
    for job in jobs:
        await client.finish(job)


async def decided(client: ScenarioClient) -> None:
    """Nobody knows what became of it; somebody pays again, and then gives up."""
    job = await client.ask(client.request(parameters={"fault": "lost_reply"}))
    await client.until(job, "submit_unknown")
    await client.post(f"/v1/jobs/{job}/retry", {"Idempotency-Key": uuid4().hex}, {"from": "submit"})
    await client.until(job, "submit_unknown", *FINAL)
    await client.cancel(job)
    await client.finish(job)


async def deduplicated(client: ScenarioClient) -> None:
    """Two requests, one slot, the same inputs: one job."""
    slot = f"scenario/{uuid4().hex[:8]}"
    body = {"slot": slot, "parameters": {"seconds": 300}}  # it is still there when asked again
    first = await client.ask(client.request(**body))
    assert await client.ask(client.request(**body)) == first
    await client.cancel(first)
    await client.finish(first)


async def abandoned(client: ScenarioClient) -> None:
    """A slot is claimed, and its claimant is gone; another takes it."""
    slot = f"scenario/{uuid4().hex[:8]}"
    (client.crashes / "accept.claimed").touch()
    await client.ask_once(client.request(slot=slot))
    await client.finish(await client.ask(client.request(slot=slot)))


async def forgotten(client: ScenarioClient) -> None:
    """Accepted, not in the queue, and its client never asks again."""
    (client.crashes / "accept.written").touch()
    job = await client.ask_once(client.request())
    if await client.has_begun(job):  # unless another's crash took the gateway before it could
        await client.finish(job)


async def made_before(client: ScenarioClient) -> None:
    """The same is asked for again, and may be what is stored already."""
    body = {"prompt": f"scenario {uuid4().hex}", "reuse": True}
    first = await client.ask(client.request(**body))
    await client.finish(first)
    await client.until_listed(first)  # only what is listed is found again
    await client.finish(await client.ask(client.request(**body)))


async def in_vain(client: ScenarioClient) -> None:
    """It waits for another job, and that one fails."""
    first = await client.ask(client.request(parameters={"fault": "policy", "seconds": 1}))
    await client.finish(await client.ask(client.request(after=[first])))


async def together(client: ScenarioClient) -> None:
    """A batch, sent until it is answered."""
    key, bodies = uuid4().hex, [client.request().body for _ in range(3)]
    request = [SentRequest(client.project, f"{key}/{n}", body) for n, body in enumerate(bodies)]
    client.journal.requests += request
    path = f"/v1/projects/{client.project}/batches"
    batch = await client.post(path, {"Idempotency-Key": key}, {"jobs": bodies})
    for each, item in zip(request, batch["items"], strict=True):
        each.job = item["job"]["id"]
        await client.finish(item["job"]["id"])


async def held_together(client: ScenarioClient) -> None:
    """A batch that takes all of a budget: what was held for it before a crash is there for it after."""
    own = ScenarioClient(client.stack, client.journal, client.crashes)
    await own.set_budget(f"{3 * Decimal(PRICE)}")
    await together(own)


async def held_alone(client: ScenarioClient) -> None:
    """A job in a project with a budget, and none beside it."""
    own = ScenarioClient(client.stack, client.journal, client.crashes)
    await own.set_budget(PRICE)
    await own.finish(await own.ask(own.request()))


async def over_budget(client: ScenarioClient) -> None:
    """Two jobs, and a budget for one: that which is refused is sent again when there is more."""
    own = ScenarioClient(client.stack, client.journal, client.crashes)
    await own.set_budget(PRICE)
    requests = [own.request(slot=f"scenario/{number}") for number in range(2)]
    own.journal.requests += requests
    await asyncio.gather(*(submit(own.stack, each) for each in requests))
    assert [each.refusal for each in requests if each.job is None] == ["over_budget"]
    await own.set_budget("1")
    for each in requests:
        each.refusal = None
        await submit(own.stack, each)
        assert each.job
        await own.finish(each.job)


async def overdue(client: ScenarioClient) -> None:
    """Its deadline passes while the provider works on it."""
    soon = datetime.now(UTC) + timedelta(seconds=30)  # until then the request has to be answered
    request = client.request(parameters={"seconds": 60}, finish_by=soon.isoformat())
    await client.finish(await client.ask(request))


async def overdue_in_line(client: ScenarioClient) -> None:
    """Its deadline passes while it waits for another job."""
    first = await client.ask(client.request(parameters={"seconds": 300}))
    soon = datetime.now(UTC) + timedelta(seconds=20)
    request = client.request(after=[first], finish_by=soon.isoformat())
    await client.finish(await client.ask(request))
    await client.cancel(first)
    await client.finish(first)


#: of the points that a plain picture does not reach
SCENARIOS: dict[Point, Scenario] = {
    "accept.fenced": abandoned,
    "accept.deduplicated": deduplicated,
    "accept.refused": over_budget,
    "accept.held": held_alone,
    "accept.ahead": held_alone,
    "accept.completed": held_alone,
    "accept.reused": made_before,
    "accept.staged": together,
    "accept.committed": together,
    "plan.held": held_together,
    "plan.written": together,
    "store.chosen": together,
    "store.moved": together,
    "cancel.written": given_up,
    "cancel.purged": given_up,
    "cancel.asked": stopped,
    "retry.written": decided,
    "retry.queued": decided,
    "depend.failed": in_vain,
    "reconcile.found": reconciled,
    "reconcile.waited": lost_for_good,
    "reconcile.written": reconciled,
    "follow.stopped": stopped,
    "leave.queued": refused_twice,
    "sweep.asked": overdue,
    "sweep.expired": overdue_in_line,
    "sweep.found": forgotten,
}


#: that wait until a deadline has passed
SLOW = (overdue, overdue_in_line)


def scenario_of(point: Point) -> Scenario:
    """What leads a job past a point."""
    return SCENARIOS.get(point, made)

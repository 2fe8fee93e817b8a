"""A budget holds while gateways are killed and clients repeat, and its audit agrees."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
import yaml

from heliograph import Client, RequestRejected
from heliograph.contracts.budgets.state import BudgetState
from heliograph.contracts.prices import Price
from tests.support.polling import until_true
from tests.support.records import CATALOG, some_project
from tests.support.shell import run_heliograph
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT
from tests.support.watcher import watching

ROUNDS = int(os.environ.get("HELIOGRAPH_TEST_BUDGET_ROUNDS") or 2)
REQUESTS, ROOM = 500, 50
PRICE = "0.01"
PRICED = "sim/priced"  #: a model that costs PRICE, without a parameter that says so
_AT_ONCE = 250  #: requests under way, over both gateways


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("budgets")
    models, price = folder / "models.yaml", Price(amount=Decimal(PRICE))
    model = CATALOG.models["sim/picture"].model_copy(update={"price": price})
    models.write_text(yaml.safe_dump({PRICED: model.model_dump(mode="json")}))
    settings = {
        "HELIOGRAPH_GATEWAYS": "2",
        "HELIOGRAPH_RESTART_PAUSE": "0.2",
        "HELIOGRAPH_MODELS": str(models),
    }
    with stack_running(folder, settings, preloaded=True) as stack:
        yield stack


class ConcurrentClients:
    """Clients that ask for one job each, and repeat with their key until they are answered."""

    def __init__(self, stack: Stack, project: str) -> None:
        self._gateways = stack.gateways
        self._path = f"/v1/projects/{project}/jobs"
        self._running = asyncio.Semaphore(_AT_ONCE)
        self.outcomes: dict[str, tuple[int, Any]] = {}
        self.repeats = 0  #: requests that were not answered, or with 503
        self.is_under_way = asyncio.Event()  #: some were answered, others are not

    async def ask_all(self) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT) as http:
            await asyncio.gather(*(self._ask(http, number) for number in range(REQUESTS)))

    async def _ask(self, http: httpx.AsyncClient, number: int) -> None:
        parameters = {"seconds": 0, "price": PRICE}
        body = {"kind": "image", "prompt": f"{number}", "parameters": parameters}
        headers, tries = {"Idempotency-Key": f"key-{number}"}, number
        async with self._running, asyncio.timeout(TIMEOUT):
            while headers["Idempotency-Key"] not in self.outcomes:
                url = self._gateways[tries % len(self._gateways)] + self._path
                tries += 1
                response: httpx.Response | None
                try:
                    response = await http.post(url, json=body, headers=headers)
                except httpx.TransportError:
                    response = None
                if response is None or response.status_code == 503:
                    self.repeats += 1
                    await asyncio.sleep(0.1)
                    continue
                self.outcomes[headers["Idempotency-Key"]] = response.status_code, response.json()
        if len(self.outcomes) > ROOM // 2:
            self.is_under_way.set()


async def _audit(stack: Stack, project: str) -> dict[str, Any]:
    ended = await asyncio.to_thread(run_heliograph, stack, "audit", project, "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


async def _settled(client: Client) -> BudgetState:
    """The budget once nothing is held."""
    state = await client.budget()

    async def is_settled() -> bool:
        nonlocal state
        state = await client.budget()
        return all(each.held == 0 for each in state.windows)

    await until_true(is_settled)
    return state


@asynccontextmanager
async def _budgeted(stack: Stack, **limits: Any) -> AsyncIterator[Client]:
    """A client of a project with a budget."""
    async with stack.client(some_project()) as client:
        await client.set_budget(**limits)
        yield client


@pytest.mark.timeout(900 + 60 * ROUNDS)
@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_many_clients_get_exactly_what_the_budget_allows_though_a_gateway_is_killed(
    stack: Stack, round_: int
) -> None:
    async with _budgeted(stack, day="0.5", total="0.9") as client:
        clients = ConcurrentClients(stack, client.project)
        victim = ("gateway", "gateway-2")[round_ % 2]
        asking = asyncio.create_task(clients.ask_all())
        await clients.is_under_way.wait()
        assert stack.kill(victim)
        await asking

        assert Counter(status for status, _ in clients.outcomes.values()) == {
            202: ROOM,
            402: REQUESTS - ROOM,
        }
        jobs = [job async for job in client.jobs(limit=200)]
        assert len(jobs) == ROOM
        assert not (await _audit(stack, client.project))["differences"]

        state = await _settled(client)
        assert [(each.spent, each.left) for each in state.windows[::2]] == [
            (Decimal("0.5"), 0),
            (Decimal("0.5"), Decimal("0.4")),
        ]
        assert (await _audit(stack, client.project))["jobs"] == ROOM
        print(  # noqa: T201
            f"round {round_ + 1} of {ROUNDS}: {ROOM} of {REQUESTS} accepted over two gateways, {victim} "
            f"killed, {clients.repeats} requests repeated, no difference in the audit"
        )


async def _post_all(
    stack: Stack, project: str, bodies: list[dict[str, Any]]
) -> list[httpx.Response]:
    """Requests at once, over both gateways."""
    async with httpx.AsyncClient(timeout=60) as http:

        async def post(number: int, body: dict[str, Any]) -> httpx.Response:
            gateway = stack.gateways[number % len(stack.gateways)]
            path = f"{gateway}/v1/projects/{project}/jobs"
            headers = {"Idempotency-Key": f"key-{number}"}
            while (
                response := await http.post(path, json=body, headers=headers)
            ).status_code == 503:
                await asyncio.sleep(0.1)
            return response

        return await asyncio.gather(*(post(*each) for each in enumerate(bodies)))


async def test_no_more_jobs_are_open_than_a_budget_allows_over_two_gateways(stack: Stack) -> None:
    bodies = [
        {
            "kind": "image",
            "prompt": f"{number}",
            "parameters": {"seconds": 120, "price": "0.01" if number % 2 else "0"},
        }
        for number in range(60)
    ]
    async with _budgeted(stack, jobs_open=10) as client:
        responses = await _post_all(stack, client.project, bodies)

        assert Counter(each.status_code for each in responses) == {202: 10, 429: 50}
        refused = next(each for each in responses if each.status_code == 429)
        assert refused.json()["code"] == "too_many_jobs"
        assert int(refused.headers["Retry-After"]) >= 1
        shown = (await client.budget()).jobs_open
        assert shown
        assert (shown.limit, shown.open, shown.left) == (10, 10, 0)
        assert not (await _audit(stack, client.project))["differences"]

        accepted = [each.json()["id"] for each in responses if each.status_code == 202]
        again = await _post_all(stack, client.project, bodies)  # known keys find their jobs
        assert [each.json().get("id") for each in again if each.status_code == 202] == accepted
        await client.cancel(accepted[0])

        async def is_free() -> bool:
            state = (await client.budget()).jobs_open
            return state is not None and state.left == 1

        await until_true(is_free)
        more = await _post_all(stack, client.project, [*bodies, {**bodies[0], "prompt": "more"}])
        assert Counter(each.status_code for each in more)[202] == 11
        for job in [job async for job in client.jobs(status="queued,running")]:
            await client.cancel(job.id)


async def test_each_user_gets_what_their_budget_allows_over_two_gateways(stack: Stack) -> None:
    users = ("alice", "bob", "carol")
    bodies = [
        {
            "kind": "image",
            "prompt": f"{number}",
            "user": users[number % 3],
            "parameters": {"seconds": 0, "price": PRICE},
        }
        for number in range(60)
    ]
    async with _budgeted(stack, total="9", user={"day": "0.05"}) as client:
        responses = await _post_all(stack, client.project, bodies)

        accepted = Counter(
            body["user"]
            for body, each in zip(bodies, responses, strict=True)
            if each.status_code == 202
        )
        assert accepted == dict.fromkeys(users, 5)
        refused = [each.json() for each in responses if each.status_code != 202]
        assert {each["code"] for each in refused} == {"over_budget"}
        assert all("the user's budget of the day of 0.05" in each["detail"] for each in refused)

        await _settled(client)
        own = (await client.budget("alice")).user
        assert own
        assert [(each.span, each.spent, each.left) for each in own.windows] == [
            ("day", Decimal("0.05"), 0),
            ("month", Decimal("0.05"), None),
        ]
        spent = {item.user: item.spent async for item in client.usage_items(["user"])}
        assert spent == dict.fromkeys(users, Decimal("0.05"))
        assert not (await _audit(stack, client.project))["differences"]


async def test_a_refused_key_is_sent_again_and_accepted_once_there_is_more(stack: Stack) -> None:
    fields: dict[str, Any] = {"kind": "image", "prompt": "x", "key": "again", "slot": "place"}
    parameters = {"price": "0.02", "seconds": 0}
    async with _budgeted(stack, month="0.01") as client:
        with pytest.raises(RequestRejected) as refused:
            await client.submit(**fields, parameters=parameters)
        problem = refused.value.problem
        assert (problem.status, problem.code) == (402, "over_budget")
        assert problem.retry_after
        assert "0.01 is left" in problem.detail
        assert problem.next_actions[-1].kind == "raise_budget"

        await client.set_budget(month="0.02")
        job = await client.submit(**fields, parameters=parameters)
        with pytest.raises(RequestRejected):
            await client.submit(kind="image", prompt="y", parameters=parameters)
        again = await client.submit(**fields, parameters=parameters)  # known: whatever is left
        free = await client.submit(kind="image", prompt="z", parameters={"seconds": 0})

    assert again.id == job.id
    assert free.cost.estimated == 0


async def test_a_batch_that_does_not_fit_is_refused_as_a_whole(stack: Stack) -> None:
    jobs = [
        {"kind": "image", "prompt": f"{number}", "parameters": {"price": "0.01", "seconds": 0}}
        for number in range(3)
    ]
    async with _budgeted(stack, total="0.02") as client:
        with pytest.raises(RequestRejected) as refused:
            await client.batch(jobs)
        assert refused.value.problem.code == "over_budget"
        assert [job async for job in client.jobs()] == []

        batch = await client.batch(jobs[:2])
        assert [item.outcome for item in batch.items] == ["accepted", "accepted"]


async def test_a_pair_that_does_not_fit_is_refused_as_a_whole(stack: Stack) -> None:
    pair = {"operation": "create", "prompt": "alice", "model": PRICED}
    async with (
        _budgeted(stack, total="0.015") as client,
        httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http,
    ):
        path = f"/v1/projects/{client.project}/cast/alice/refs"
        response = await http.put(path, json=pair, headers={"Idempotency-Key": "pair"})

        assert (response.status_code, response.json()["code"]) == (402, "over_budget")
        assert [job async for job in client.jobs()] == []


async def test_what_a_batch_shares_with_an_open_job_costs_nothing(stack: Stack) -> None:
    jobs: list[dict[str, Any]] = [
        {
            "kind": "image",
            "prompt": "x",
            "slot": f"place-{number}",
            "parameters": {"price": "0.01", "seconds": 60},
        }
        for number in range(2)
    ]
    async with _budgeted(stack, total="0.02") as client:
        await client.submit(**jobs[0])

        batch = await client.batch(jobs)

        assert [item.outcome for item in batch.items] == ["deduplicated", "accepted"]
        for item in batch.items:
            assert item.job
            await client.cancel(item.job.id)


async def test_a_job_that_is_canceled_in_time_gives_back_what_it_held(stack: Stack) -> None:
    async with _budgeted(stack, total="0.01") as client:
        first = await client.submit(kind="image", prompt="x", parameters={"seconds": 60})
        parameters = {"price": "0.01", "seconds": 0}
        waits = await client.submit(
            kind="image", prompt="x", parameters=parameters, after=[first.id]
        )
        assert (await client.budget()).windows[-1].held == Decimal("0.01")

        await client.cancel(waits.id)

        assert (await _settled(client)).windows[-1].spent == 0
        await client.cancel(first.id)


async def test_live_clients_that_ask_hear_of_thresholds(stack: Stack) -> None:
    async with (
        _budgeted(stack, total="0.02") as client,
        watching(stack.live, project=client.project, budget=True) as asks,
        watching(stack.live, project=client.project) as others,
    ):
        for watcher in (asks, others):
            await watcher.until(lambda frame: frame["op"] == "caught_up")
        parameters = {"price": "0.01", "seconds": 0}
        job = await client.submit(kind="image", prompt="x", parameters=parameters)
        told = await asks.until(lambda frame: frame["op"] == "budget")
        assert (told["percent"], told["window"], told["spent"]) == (50, "total", "0.01")

        await client.finish(job.id)
        await client.submit(kind="image", prompt="y", parameters=parameters)
        assert (await asks.until(lambda frame: frame["op"] == "budget"))["percent"] == 100
        seen = await others.until(lambda frame: _has_succeeded(frame, "y"))

    assert seen["op"] == "event"
    assert "budget" not in {frame["op"] for frame in others.frames}


def _has_succeeded(frame: dict[str, Any], prompt: str) -> bool:
    job = frame.get("job")
    return isinstance(job, dict) and (job["status"], job["prompt"]) == ("succeeded", prompt)


async def test_the_command_line_sets_and_shows_a_budget(stack: Stack) -> None:
    project = some_project()

    def heliograph(*arguments: str) -> str:
        ended = run_heliograph(stack, "budget", "--project", project, *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert f"{project} has no budget" in await asyncio.to_thread(heliograph)
    made = await asyncio.to_thread(heliograph, "--day", "5", "--zone", "Europe/Berlin")
    assert "total" in made
    shown = json.loads(await asyncio.to_thread(heliograph, "--json"))
    assert (shown["zone"], shown["windows"][0]["limit"]) == ("Europe/Berlin", "5")
    await asyncio.to_thread(heliograph, "--zone", "Asia/Tokyo")
    moved = json.loads(await asyncio.to_thread(heliograph, "--json"))
    assert (moved["zone"], moved["windows"][0]["limit"]) == ("Asia/Tokyo", "5")
    users = await asyncio.to_thread(heliograph, "--user-day", "0.5", "--user-month", "2")
    assert "each user may cost 0.5 on a day, 2 in a month" in users
    assert "the user alice:" in await asyncio.to_thread(heliograph, "--user", "alice")
    assert "has no budget" in await asyncio.to_thread(heliograph, "--remove")
    alone = await asyncio.to_thread(
        run_heliograph, stack, "budget", "--project", project, "--zone", "Asia/Tokyo"
    )
    assert alone.returncode != 0
    assert "has no budget; give a limit" in alone.stderr


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"day": "-1"}, "/day"),
        ({"day": "0.0000001"}, "/day"),
        ({"total": "many"}, "/total"),
        ({"zone": "Europe/Atlantis"}, "/zone"),
        ({"week": "1"}, "/week"),
        ({"user": {"day": "-1"}}, "/user/day"),
        ({"user": {"total": "1"}}, "/user/total"),
    ],
    ids=["negative", "too exact", "no number", "no zone", "no such span", "user", "user in all"],
)
async def test_a_budget_that_makes_no_sense_is_refused(
    stack: Stack, body: dict[str, Any], pointer: str
) -> None:
    async with httpx.AsyncClient(base_url=stack.url("gateway")) as http:
        response = await http.put(f"/v1/projects/{some_project()}/budget", json=body)

    assert response.status_code == 422
    assert [each["pointer"] for each in response.json()["errors"]] == [pointer]

"""A deadline stops the provider, throws away nothing that was paid for, and frees what it held."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import httpx

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from heliograph.runtime.clock import now
from tests.support.emulation.emulator_process import EmulatedAccount
from tests.support.fal.emulator_process import FalAccount
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

_FAL, _OPENAI = "fal/flux-schnell", "openai/gpt-image-2"


async def ask(client: Client, model: str, prompt: str, seconds: float) -> Job:
    """A portrait that is to be done within so many seconds."""
    soon = (now() + timedelta(seconds=seconds)).isoformat()
    return await client.submit(kind="portrait", prompt=prompt, model=model, finish_by=soon)


async def until(client: Client, job: str, holds: Callable[[Job], bool]) -> Job:
    async with asyncio.timeout(TIMEOUT):
        while not holds(current := await client.get(job)):
            await asyncio.sleep(0.05)
    return current


async def names_of(job: Job) -> list[str]:
    assert job.links
    async with httpx.AsyncClient() as http:
        events = (await http.get(job.links.events)).json()["items"]
    return [event["type"].split(".")[2] for event in events]


async def attempts_of(job: Job) -> list[dict[str, Any]]:
    assert job.links
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{job.links.self}/attempts")
    return list(response.json()["items"])


def stops(fal: FalAccount) -> int:
    return sum(_is_stop(each) for each in fal.heard)


def _is_stop(request: dict[str, Any]) -> bool:
    return bool(request["method"] == "PUT" and request["path"].endswith("/cancel"))


async def test_a_deadline_stops_the_request_at_the_provider(
    client: Client, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, hangs=True)
    before = stops(fal)

    job = await ask(client, _FAL, prompt, 3)
    [ended] = await client.finish(job.id)

    assert (ended.status, ended.error and ended.error.code) == ("expired", "deadline")
    assert stops(fal) > before
    [attempt] = await attempts_of(ended)
    assert attempt["request_id"] == fal.accepted(prompt)[0]["id"]


async def test_what_could_not_be_stopped_any_more_is_kept_and_fetched_for_nothing(
    client: Client, fal: FalAccount, prompt: str
) -> None:
    fal.plan(prompt, seconds=5, finishes_anyway=True)

    job = await ask(client, _FAL, prompt, 2.5)
    [ended] = await client.finish(job.id)
    again = await client.retry(job.id)
    [fetched] = await client.finish(again.id)

    assert (ended.status, ended.charged) == ("expired", "yes")
    assert (fetched.status, fetched.charged) == ("succeeded", "no")
    assert len(fal.accepted(prompt)) == 1


async def test_an_answer_that_comes_inline_after_the_deadline_is_kept(
    client: Client, openai: EmulatedAccount, prompt: str
) -> None:
    openai.plan(prompt, seconds=6)

    job = await ask(client, _OPENAI, prompt, 2.5)
    [ended] = await client.finish(job.id)
    again = await client.retry(job.id)
    [fetched] = await client.finish(again.id)

    assert (ended.status, ended.charged) == ("expired", "yes")
    assert (fetched.status, fetched.charged) == ("succeeded", "no")
    assert len(openai.accepted(prompt)) == 1


@contextmanager
def _standing_still(stack: Stack) -> Iterator[None]:
    """No worker does anything."""
    for name in ("render", "render-2"):
        stack.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in ("render", "render-2"):
            stack.kill(name, signal.SIGCONT)


async def test_what_is_learned_after_the_end_completes_the_attempt_and_nothing_else(
    stack: Stack, client: Client, fal: FalAccount, prompt: str
) -> None:
    """The worker stands still until the sweeper has no more patience with it."""
    fal.plan(prompt, seconds=15, finishes_anyway=True)
    job = await ask(client, _FAL, prompt, 4)
    await until(client, job.id, lambda current: current.phase in ("provider_queue", "rendering"))

    with _standing_still(stack):
        ended = await until(client, job.id, lambda current: current.status == "expired")
    late = await until(client, job.id, lambda current: current.charged != "unknown")

    assert (ended.charged, late.charged) == ("unknown", "yes")
    assert (late.status, late.finished_at) == ("expired", ended.finished_at)
    assert stops(fal) > 0
    assert (await names_of(late))[-3:] == ["expire_requested", "expired", "attempt_completed"]


@asynccontextmanager
async def _one_place(stack: Stack) -> AsyncIterator[None]:
    """In the account of fal."""
    async with httpx.AsyncClient(base_url=stack.url("gateway"), timeout=TIMEOUT) as http:
        (await http.patch("/v1/accounts/fal", json={"cap": 1})).raise_for_status()
        try:
            yield
        finally:
            (await http.patch("/v1/accounts/fal", json={"reset": True})).raise_for_status()


async def test_the_place_of_a_request_that_runs_on_is_given_back_when_it_has_stopped(
    stack: Stack, client: Client, fal: FalAccount, prompt: str
) -> None:
    """The account has one place: the next job starts once the first request is over."""
    fal.plan(prompt, seconds=6, finishes_anyway=True)
    async with _one_place(stack):
        first = await ask(client, _FAL, prompt, 2)
        second = await client.submit(kind="portrait", prompt=f"{prompt}, later", model=_FAL)

        [ended, made] = await client.finish(first.id, second.id)

    assert (ended.status, made.status) == ("expired", "succeeded")
    assert ended.started_at
    assert made.started_at
    assert made.started_at - ended.started_at >= timedelta(seconds=5.5)

"""Outputs that came inside a response are kept, whichever process ends before storage has them."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from heliograph.client import Client
from tests.chaos.conftest import GRACE
from tests.support.emulation.emulator_process import EmulatedAccount
from tests.support.polling import until
from tests.support.records import CATALOG
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

MODEL = "openai/gpt-image-2"


@pytest.fixture
async def client(fragile: Stack, project: str) -> AsyncIterator[Client]:
    async with fragile.client(project) as client:
        yield client


async def _submitted(
    client: Client, openai: EmulatedAccount, seconds: float, *, count: int = 1, **plan: Any
) -> tuple[str, str]:
    """A job whose request is at the provider; its id and its prompt."""
    prompt = f"a lighthouse {uuid4().hex}"
    openai.plan(prompt, seconds=seconds, **plan)
    job = await client.submit(
        kind="portrait", prompt=prompt, model=MODEL, parameters={"num_images": count}
    )
    async with asyncio.timeout(TIMEOUT):
        while not openai.accepted(prompt):
            await asyncio.sleep(0.05)
    return job.id, prompt


def _render(fragile: Stack) -> int:
    pid = fragile.pid("render")
    assert pid
    return pid


async def test_a_restart_waits_for_a_response_that_cannot_be_requested_again(
    client: Client, openai: EmulatedAccount, fragile: Stack
) -> None:
    job, prompt = await _submitted(client, openai, seconds=GRACE + 2)
    old = _render(fragile)

    os.kill(old, signal.SIGTERM)
    await asyncio.to_thread(fragile.until_restarted, "render", old)

    running = await client.get(job)
    assert running.phase not in ("submitting", "submit_unknown")
    ended = await until(client, job, status="succeeded")
    assert (ended.charged, len(ended.assets)) == ("yes", 1)
    assert len(openai.accepted(prompt)) == 1


async def test_readiness_reports_how_long_render_may_take_to_end(fragile: Stack) -> None:
    async with httpx.AsyncClient(base_url=fragile.url("render")) as http:
        ready = (await http.get("/readyz")).json()

    longest = CATALOG.models[MODEL].answers_within
    assert longest
    assert ready["ends_within_seconds"] == GRACE + longest


async def test_a_second_signal_ends_render_at_once(
    client: Client, openai: EmulatedAccount, fragile: Stack
) -> None:
    await _submitted(client, openai, seconds=90)
    old, began = _render(fragile), time.monotonic()

    os.kill(old, signal.SIGTERM)
    await asyncio.sleep(1)
    os.kill(old, signal.SIGTERM)
    await asyncio.to_thread(fragile.until_restarted, "render", old)

    assert time.monotonic() - began < 45  # far less than the response takes


async def test_an_answer_on_disk_survives_the_death_of_its_process(
    client: Client, openai: EmulatedAccount, fragile: Stack, crashes: Path
) -> None:
    (crashes / "inline.spooled").touch()
    old = _render(fragile)

    response_body = {"data": [{"b64_json": ""}, {"b64_json": "<base64 0>"}]}
    job, prompt = await _submitted(client, openai, seconds=0, count=2, response_body=response_body)
    await asyncio.to_thread(fragile.until_restarted, "render", old)

    ended = await until(client, job, status="succeeded")
    assert (ended.charged, [asset.index for asset in ended.assets]) == ("yes", [1])
    assert [(each.index, each.reason) for each in ended.withheld] == [(0, "no_output")]
    assert len(openai.accepted(prompt)) == 1
    assert not list((fragile.home / "spool").iterdir())


async def test_an_answer_waits_on_disk_for_storage_and_no_job_is_in_doubt(
    client: Client, openai: EmulatedAccount, fragile: Stack
) -> None:
    fragile.kill("storage", signal.SIGSTOP)
    try:
        job, prompt = await _submitted(client, openai, seconds=0)
        await until(client, job, phase="downloading")
        old = _render(fragile)
        os.kill(old, signal.SIGKILL)
        await asyncio.to_thread(fragile.until_restarted, "render", old)
    finally:
        fragile.kill("storage", signal.SIGCONT)

    async with asyncio.timeout(TIMEOUT):
        while (ended := await client.get(job)).status == "running":
            assert ended.phase != "submit_unknown"
            await asyncio.sleep(0.2)
    assert (ended.status, ended.charged) == ("succeeded", "yes")
    assert len(openai.accepted(prompt)) == 1

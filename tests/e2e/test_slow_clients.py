"""Clients that are slow on purpose hold no connection for long, and nobody up."""

import asyncio

import httpx

from tests.support.slow_clients import slow_crowd
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


async def test_slow_clients_are_cut_off_and_others_are_answered_meanwhile(
    stack: Stack, project: str
) -> None:
    """Headers that drip, bodies that drip, and answers that nobody reads: 300 of a service at once."""
    gateway, status = stack.url("gateway"), stack.url("status")
    holding = [asyncio.ensure_future(each) for url in (gateway, status) for each in slow_crowd(url)]
    answers: list[int] = []

    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        async with asyncio.timeout(TIMEOUT):
            while not all(task.done() for task in holding):
                for url in (f"{gateway}/v1/projects/{project}/jobs", f"{status}/healthz"):
                    answers.append((await http.get(url)).status_code)
                await asyncio.wait(holding, timeout=1)
        accepted = await http.post(
            f"{gateway}/v1/projects/{project}/jobs",
            json={"kind": "image", "prompt": "x", "parameters": {"seconds": 0}},
        )

    await asyncio.gather(*holding)
    assert set(answers) == {200}
    assert accepted.status_code == 202

"""
Equal requests at once, at two gateways of which one is killed, make one job for each key.

`HELIOGRAPH_TEST_EQUAL_POSTS=100x200` sends 200 requests for each of 100 keys.
"""

import asyncio
import os
from collections import defaultdict
from subprocess import Popen

import httpx
import pytest

from heliograph.client import Client
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

KEYS, POSTS = map(int, os.environ.get("HELIOGRAPH_TEST_EQUAL_POSTS", "8x25").split("x"))
_KEYS_AT_ONCE = 2

Responses = dict[str, list[httpx.Response]]


class ConcurrentClients:
    """Clients that send equal requests at once, and repeat them until they are answered."""

    def __init__(self, gateways: list[str], project: str) -> None:
        self._urls = [f"{gateway}/v1/projects/{project}/jobs" for gateway in gateways]
        self._running = asyncio.Semaphore(_KEYS_AT_ONCE)
        self.responses: Responses = defaultdict(list)
        self.is_under_way = asyncio.Event()  #: half of the keys were answered

    async def ask_all(self) -> None:
        limits = httpx.Limits(max_connections=_KEYS_AT_ONCE * POSTS)
        async with httpx.AsyncClient(timeout=TIMEOUT, limits=limits) as http:
            await asyncio.gather(*(self._ask_together(http, f"key-{n}") for n in range(KEYS)))

    async def _ask_together(self, http: httpx.AsyncClient, key: str) -> None:
        async with self._running:
            asking = (self._ask(http, key, number) for number in range(POSTS))
            self.responses[key] = await asyncio.gather(*asking)
        if 2 * len(self.responses) >= KEYS:
            self.is_under_way.set()

    async def _ask(self, http: httpx.AsyncClient, key: str, number: int) -> httpx.Response:
        body = {"kind": "image", "prompt": key, "parameters": {"seconds": 0}}
        while True:
            url = self._urls[number % len(self._urls)]
            number += 1
            try:
                response = await http.post(url, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if response.status_code != 503:
                return response
            await asyncio.sleep(0.1)


async def _killed_half_way(clients: ConcurrentClients, gateway: "Popen[str]") -> None:
    asking = asyncio.create_task(clients.ask_all())
    await clients.is_under_way.wait()
    gateway.kill()
    await asking


@pytest.mark.timeout(900 + KEYS * POSTS / 10)
async def test_equal_requests_at_once_make_one_job_for_each_key(
    stack: Stack, project: str, client: Client
) -> None:
    with stack.another("gateway") as (process, address):
        clients = ConcurrentClients([stack.url("gateway"), address], project)
        await _killed_half_way(clients, process)
    ids = {
        key: {each.json()["id"] for each in responses}
        for key, responses in clients.responses.items()
    }
    jobs = [job for [job] in ids.values()]
    ended = await client.finish(*jobs)

    assert {each.status_code for responses in clients.responses.values() for each in responses} == {
        202
    }
    assert len(set(jobs)) == KEYS
    assert {job.id for job in ended} == {job.id async for job in client.jobs(limit=200)}
    assert len(stack.ledger(project)) == KEYS
    fresh = [
        sum("idempotency-replayed" not in each.headers for each in responses)
        for responses in clients.responses.values()
    ]
    assert max(fresh) <= 1

"""Clients that are slow on purpose hold no connection for long, and nobody up."""

import asyncio
from contextlib import closing

import httpx
import pytest

from tests.support.slow_clients import slow_crowd
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


async def test_slow_clients_are_cut_off_and_others_are_answered_meanwhile(
    stack: Stack, project: str
) -> None:
    """Headers that drip, bodies that drip, and responses that nobody reads: 300 of a service at once."""
    gateway, status = stack.url("gateway"), stack.url("status")
    holding = [asyncio.ensure_future(each) for url in (gateway, status) for each in slow_crowd(url)]
    statuses: list[int] = []

    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        async with asyncio.timeout(TIMEOUT):
            while not all(task.done() for task in holding):
                for url in (f"{gateway}/v1/projects/{project}/jobs", f"{status}/healthz"):
                    statuses.append((await http.get(url)).status_code)
                await asyncio.wait(holding, timeout=1)
        accepted = await http.post(
            f"{gateway}/v1/projects/{project}/jobs",
            json={"kind": "image", "prompt": "x", "parameters": {"seconds": 0}},
        )

    await asyncio.gather(*holding)
    assert set(statuses) == {200}
    assert accepted.status_code == 202


@pytest.mark.parametrize("service", ["gateway", "render", "storage", "status"])
async def test_a_connection_stays_open_for_longer_than_clients_keep_theirs(
    stack: Stack, service: str
) -> None:
    """httpx keeps one for five seconds; a request that the server does not take any more would be lost."""
    url, clock = httpx.URL(stack.url(service)), asyncio.get_running_loop().time
    reader, writer = await asyncio.open_connection(url.host, url.port)
    with closing(writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: %b\r\n\r\n" % url.netloc)
        await reader.readuntil(b"\r\n\r\n")
        responded_at = clock()

        async with asyncio.timeout(TIMEOUT):
            await reader.read()

    assert clock() - responded_at > 6

"""Clients that begin a request and never end it hold no connection for long, and nobody up."""

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.stack import Stack

MANY = 300
DEADLINE = 2.0  #: seconds, of the service
SLACK = 10.0  #: seconds, for a busy machine
HALF = b"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


@pytest.mark.parametrize("service", ["gateway", "status"])
async def test_half_headers_are_closed_and_others_are_answered_meanwhile(
    stack: Stack, service: str
) -> None:
    with stack.another(service, HELIOGRAPH_HEADER_DEADLINE=str(DEADLINE)) as (_, url):
        held = await _hold_many(url)

    assert max(held) < DEADLINE + SLACK


async def _hold_many(url: str) -> list[float]:
    """Seconds that each of many connections with half a request lived."""

    async def hold() -> float:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        began = time.monotonic()
        writer.write(HALF)
        with suppress(ConnectionError):
            async with asyncio.timeout(DEADLINE + SLACK):
                while await reader.read(1024):
                    pass
        writer.close()
        return time.monotonic() - began

    holding = [asyncio.create_task(hold()) for _ in range(MANY)]
    async with httpx.AsyncClient(base_url=url, timeout=5) as http:
        while not all(task.done() for task in holding):
            assert (await http.get("/healthz")).status_code == 200
            await asyncio.wait(holding, timeout=1)
    return await asyncio.gather(*holding)

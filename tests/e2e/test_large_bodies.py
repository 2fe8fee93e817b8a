"""A body of a mebibyte stops nobody else: the gateway answers others while it is checked."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.stack import Stack

MEBIBYTE = 2**20
TIMEOUT = 0.05  #: seconds for /healthz, on a machine as fast as a laptop
IDLE_ASKS = 50  #: of /healthz before a body is sent: that long it takes when nothing else is asked
LAPTOP = 0.04  #: seconds that `slowness` works there
TRIES = 5  #: the test may stand still for a moment; a gateway that stands still does so each time

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the time of threads is read from /proc"
)

BASE: dict[str, Any] = {"kind": "image", "prompt": "a lighthouse"}


def body_of(content: Any) -> bytes:
    body = json.dumps(content, separators=(",", ":")).encode()
    assert 0.8 * MEBIBYTE < len(body) <= MEBIBYTE
    return body


def names(count: int) -> dict[str, int]:
    return {f"a{number:06}": 1 for number in range(count)}


BODIES = {
    "a list": body_of({**BASE, "parameters": {"seed": [1] * 520_000}}),
    "empty lists": body_of({**BASE, "parameters": {"seed": [[]] * 340_000}}),
    "fields": body_of({**BASE, **names(87_000)}),
    "parameters": body_of({**BASE, "parameters": names(87_000)}),
    "tags": body_of({**BASE, "tags": names(87_000)}),
    "references": body_of({**BASE, "references": [{}] * 340_000}),
}
BATCHES = {
    "jobs": body_of({"jobs": [1] * 520_000}),
    "fields of jobs": body_of({"jobs": [{**BASE, **names(150)} for _ in range(500)]}),
}


async def slowest_response(stack: Stack, path: str, body: bytes) -> float:
    """Seconds that /healthz takes longer at most while a body is answered, which must be refused."""
    url = stack.url("gateway")
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        await http.get("/healthz")
        idle = max([await seconds_of_health(stack, http) for _ in range(IDLE_ASKS)])
        headers = {"Content-Type": "application/json"}
        attack = asyncio.create_task(http.post(path, content=body, headers=headers))
        slowest = 0.0
        while not attack.done():
            slowest = max(slowest, await seconds_of_health(stack, http))
        response = await attack
        assert response.status_code == 422, response.text[:200]
        assert len(response.content) < 100_000
        return max(0.0, slowest - idle)


async def seconds_of_health(stack: Stack, http: httpx.AsyncClient) -> float:
    """Seconds that /healthz takes, less those in which the gateway had no processor; and a short pause."""
    began, worked = time.monotonic(), seconds_of_work(stack)
    await http.get("/healthz")
    seconds = min(time.monotonic() - began, seconds_of_work(stack) - worked)
    await asyncio.sleep(0.002)
    return seconds


def seconds_of_work(stack: Stack) -> float:
    """Processor time that all threads of the gateway have had."""
    threads = Path(f"/proc/{stack.pid('gateway')}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def slowness() -> float:
    """How much longer than on a laptop the same work takes here and now."""
    began = time.process_time()
    sum(range(2_000_000))
    return max(1.0, (time.process_time() - began) / LAPTOP)


async def lets_others_live(stack: Stack, path: str, body: bytes) -> None:
    slowest = []
    for _ in range(TRIES):
        before = slowness()
        slowest.append(await slowest_response(stack, path, body))
        if slowest[-1] <= TIMEOUT * max(before, slowness()):
            return
    pytest.fail(f"/healthz took {', '.join(f'{each:.3f}' for each in slowest)} s longer")


@pytest.mark.parametrize("content", BODIES)
async def test_a_large_request_does_not_stop_the_gateway(
    stack: Stack, project: str, content: str
) -> None:
    await lets_others_live(stack, f"/v1/projects/{project}/jobs", BODIES[content])


@pytest.mark.parametrize("content", BATCHES)
async def test_a_large_batch_does_not_stop_the_gateway(
    stack: Stack, project: str, content: str
) -> None:
    await lets_others_live(stack, f"/v1/projects/{project}/batches", BATCHES[content])

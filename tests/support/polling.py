"""Polling helpers for conditions without a notification."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from heliograph.client import Client
from heliograph.contracts.jobs import Job
from tests.support.timeouts import TIMEOUT


async def until(client: Client, job: str, **expected: Any) -> Job:
    """Ask until it looks like that."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        current = await client.get(job)
        if all(getattr(current, name) == value for name, value in expected.items()):
            return current
        await asyncio.sleep(0.05)
    raise AssertionError(f"{job} never had {expected}: {current}")


async def until_true(check: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it is so."""
    async with asyncio.timeout(TIMEOUT):
        while not await check():
            await asyncio.sleep(0.05)


async def until_one_runs(client: Client, jobs: Sequence[str]) -> None:
    """Any of them: who is first among those asked for at the same time, nobody knows."""
    async with asyncio.timeout(TIMEOUT):
        while not any([(await client.get(job)).status == "running" for job in jobs]):
            await asyncio.sleep(0.05)

"""Waiting for what a test cannot be told of."""

import asyncio
from collections.abc import Sequence

from heliograph.client import Client


async def until_one_runs(client: Client, jobs: Sequence[str]) -> None:
    """Any of them: who is first among those asked for at the same time, nobody knows."""
    async with asyncio.timeout(20):
        while not any([(await client.get(job)).status == "running" for job in jobs]):
            await asyncio.sleep(0.05)

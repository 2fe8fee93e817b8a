"""Flush: everything that a NATS client has said is with the server."""

import asyncio

from nats.aio.client import Client

from tests.support.timeouts import TIMEOUT


async def flush(client: Client) -> None:
    """Wait for the server twice: the first PING of nats-py may overtake what is still in the buffer."""
    for _ in range(2):
        await client.flush(timeout=int(TIMEOUT))
        await asyncio.sleep(0)

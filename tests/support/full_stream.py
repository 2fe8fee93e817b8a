"""A stream without room, as all are on a server whose store is full."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.runtime.bus.nats_bus import NatsBus


@asynccontextmanager
async def full(bus: NatsBus, stream: str) -> AsyncIterator[None]:
    """Nothing can be written there meanwhile."""
    config = (await bus.jetstream.api(f"STREAM.INFO.{stream}"))["config"]
    await bus.jetstream.api(f"STREAM.UPDATE.{stream}", config | {"max_bytes": 1})
    try:
        yield
    finally:
        await bus.jetstream.api(f"STREAM.UPDATE.{stream}", config)

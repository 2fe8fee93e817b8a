"""A process that holds the price of a new job, and comes no further for a while, or for good."""

import asyncio
from typing import Any, cast

from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.contracts.records import Record
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from tests.support.budget_gateways import gateway_events
from tests.support.timeouts import TIMEOUT


class HeldBack:
    """A connection that sends no event of a job, until `go`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(self, subject: str, payload: bytes, **fields: Any) -> Msg:
        if subject.startswith("events."):
            self.reached.set()
            await self.go.wait()
        return await self._client.request(subject, payload, **fields)

    def jetstream(self) -> JetStream:
        """Its streams. A call may take as long as a test."""
        return JetStream(cast(Client, self), timeout=2 * TIMEOUT)


async def held_back(bus: NatsBus, job: Record) -> tuple[HeldBack, asyncio.Task[LogEntry]]:
    """A job whose price is held, and whose event is in the budget record only; and who is about to store it."""
    connection = HeldBack(bus.client)
    events = gateway_events(bus, connection.jetstream(), counts_jobs=True)
    accepting = asyncio.create_task(append_event(events, "accepted", job, 0))
    async with asyncio.timeout(TIMEOUT):
        await connection.reached.wait()
    return connection, accepting


async def died_holding(bus: NatsBus, job: Record) -> None:
    """A job whose price is held, and whose event is in the budget record only: its gateway is dead."""
    _, accepting = await held_back(bus, job)
    accepting.cancel()

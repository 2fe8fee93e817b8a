"""The projector: reads the event log in order into the read model, one process at a time."""

import asyncio
import time

import structlog

from heliograph.contracts.events import read_body
from heliograph.contracts.records import Record
from heliograph.runtime.bus.events import STREAM
from heliograph.runtime.bus.jetstream import Stored
from heliograph.runtime.bus.nats import NatsBus
from heliograph.runtime.tasks import stop
from services.status.hub import Hub
from services.status.ledgers import Ledger, OutOfStep, Row

log = structlog.get_logger()

_LONGEST_REST = 0.1  #: seconds between two batches


class Projector:
    """Applies events in batches; the cursor moves in the same transaction."""

    def __init__(self, bus: NatsBus, hub: Hub, ledger: Ledger) -> None:
        self._bus = bus
        self._hub = hub
        self._ledger = ledger

    async def run(self) -> None:
        """Wait for the lease, project until it is lost, and wait again."""
        while True:
            async with self._bus.leases.held("projector") as lost:
                projecting = asyncio.create_task(self._project())
                losing = asyncio.create_task(lost.wait())
                try:
                    await asyncio.wait({projecting, losing}, return_when="FIRST_COMPLETED")
                finally:  # also when the process is going away
                    await stop(projecting, losing)
                if not projecting.cancelled() and projecting.exception():
                    raise projecting.exception() or AssertionError

    async def _project(self) -> None:
        cursor = await self._ledger.open(self._bus.epoch)
        while True:
            messages, _ = await self._bus.jetstream.batch(STREAM, "events.>", cursor + 1)
            if not messages:
                await self._hub.wait_beyond(cursor)
                continue
            after, began = messages[-1].sequence, time.monotonic()
            try:
                await self._ledger.apply(_rows(messages), cursor, after)
                cursor = after
            except OutOfStep:
                log.warning("Another projector was faster")
                cursor = await self._ledger.open(self._bus.epoch)
            # the busier, the more is taken in at once, and of a job only where it ended up
            await asyncio.sleep(min(time.monotonic() - began, _LONGEST_REST))


def _rows(messages: list[Stored]) -> list[Row]:
    latest = {message.subject: message for message in messages}.values()
    bodies = ((message.sequence, read_body(message.data)) for message in latest)
    return [Row(sequence, body) for sequence, body in bodies if isinstance(body, Record)]

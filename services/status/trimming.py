"""
The janitor: of jobs that ended long ago only the last event is kept.

That one stays for ever: it is what the job's key is answered with, so no key can pay twice.
"""

import asyncio

from heliograph.contracts import subjects
from heliograph.runtime.bus import now
from heliograph.runtime.bus.events import STREAM
from heliograph.runtime.bus.nats import NatsBus
from services.status.ledgers import Ledger
from services.status.settings import StatusSettings

_AT_ONCE = 500


async def trim_for_ever(bus: NatsBus, ledger: Ledger, settings: StatusSettings) -> None:
    """Trim under a lease, every so often."""
    while True:
        async with bus.leases.held("janitor") as lost:
            while not lost.is_set():
                if not await trim(bus, ledger, settings):
                    await asyncio.sleep(settings.janitor_every)


async def trim(bus: NatsBus, ledger: Ledger, settings: StatusSettings) -> int:
    """One round. Returns how many jobs were trimmed; raises Unavailable."""
    old = await ledger.untrimmed(now() - settings.keep_events, _AT_ONCE)
    for project, job in old:
        request = {"filter": subjects.event(project, job), "keep": 1}
        await bus.jetstream.api(f"STREAM.PURGE.{STREAM}", request)
    if old:
        await ledger.trimmed([job for _, job in old])
    return len(old)

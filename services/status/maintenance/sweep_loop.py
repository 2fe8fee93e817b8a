"""Sweep loop: deletes orphans and sweeps jobs at an interval, by leader election."""

import asyncio

import structlog

from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.orphans import delete_orphans
from services.status.maintenance.sweeper import Sweeper

log = structlog.get_logger()

_WORK_QUEUES = ("WORK", "REQUESTS")  #: streams whose messages go when they are acknowledged
_LEASE = "reaper"  #: name of the lease: older processes of a rolling upgrade hold it by this one


async def sweep_forever(bus: NatsBus, sweeper: Sweeper, *, every: float) -> None:
    """Sweep under a lease, every so many seconds."""
    while True:
        async with bus.leases.acquired(_LEASE) as lost:
            while not lost.is_set():
                for stream in _WORK_QUEUES:
                    for subject in await delete_orphans(bus.jetstream, stream):
                        log.warning("Orphan deleted", subject=subject)
                await sweeper.sweep()
                await asyncio.sleep(every)

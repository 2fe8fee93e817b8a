"""Retention loop: applies rules at an interval and on request, by leader election."""

import asyncio
from contextlib import suppress

from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.retention import Retention
from heliograph.runtime.bus.core_nats import stop_listening
from heliograph.runtime.bus.jetstream_errors import translated
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from services.status.maintenance.retention import RetentionEnforcer
from services.status.settings import StatusSettings

_LEASE = "cleaner"  #: name of the lease: older processes of a rolling upgrade hold it by this one


async def read_retentions(projects: KeyValue) -> dict[str, Retention]:
    """Retention rules of all projects. Raises Unavailable."""
    entries = await projects.matching("*")
    return {
        project: Retention.model_validate(entry.readable.get("retention", {}))
        for project, entry in entries.items()
    }


async def apply_forever(
    bus: NatsBus, retention: RetentionEnforcer, settings: StatusSettings
) -> None:
    """Apply retention under a lease, every interval and on request."""
    wakeup = asyncio.Event()

    async def ring(_: Msg) -> None:
        wakeup.set()

    with translated():
        hints = await bus.client.subscribe(subjects.APPLY_RETENTION, cb=ring)
    try:
        while True:
            async with bus.leases.acquired(_LEASE) as lost:
                while not lost.is_set():
                    wakeup.clear()
                    is_more = await retention.apply()
                    rest = settings.object_grace_period if is_more else settings.retention_interval
                    with suppress(TimeoutError):
                        async with asyncio.timeout(rest):
                            await wakeup.wait()
    finally:
        await stop_listening(hints)

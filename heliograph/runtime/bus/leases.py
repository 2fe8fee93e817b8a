"""Leases: leader election for work that one process at a time does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from ulid import ULID

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue, KvEntry

log = structlog.get_logger()


class Leases:
    """
    Leases: leader election among processes. Correctness never depends on it.

    The holder renews its lease by writing it. A waiting process takes it over when, by its own
    clock, it was not renewed for `ttl` seconds.
    """

    def __init__(self, jetstream: JetStream, *, ttl: float = 3.0) -> None:
        self._bucket = KeyValue(jetstream.with_timeout(ttl / 3), "leases")
        self._ttl = ttl
        self._me = str(ULID())

    @asynccontextmanager
    async def acquired(self, name: str) -> AsyncIterator[asyncio.Event]:
        """Acquire the lease, and renew it until the block ends. The event is set when it is lost before."""
        entry = await self._acquire(name)
        lost = asyncio.Event()
        keeper = asyncio.create_task(self._keep(name, entry, lost))
        try:
            log.info("Lease acquired", lease=name)
            yield lost
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
            if not lost.is_set():
                await self._release(name)

    async def _acquire(self, name: str) -> KvEntry:
        seen, since = -1, 0.0
        while True:
            try:
                entry = await self._bucket.read(name)
                if entry.revision != seen:
                    seen, since = entry.revision, time.monotonic()
                if not entry.value.get("holder") or time.monotonic() - since > self._ttl:
                    value = {**entry.value, "holder": self._me}
                    return KvEntry(value, await self._bucket.write(name, value, entry.revision))
            except (Conflict, Unavailable, QueueFull):
                pass
            await asyncio.sleep(self._ttl / 6)

    async def _keep(self, name: str, entry: KvEntry, lost: asyncio.Event) -> None:
        revision, renewed = entry.revision, time.monotonic()
        while time.monotonic() - renewed < self._ttl:
            await asyncio.sleep(self._ttl / 3)
            began = time.monotonic()
            try:
                revision = await self._bucket.write(name, entry.value, revision)
                renewed = began
            except Conflict:
                break
            except (Unavailable, QueueFull):
                continue
        log.warning("Lease lost", lease=name)
        lost.set()

    async def _release(self, name: str) -> None:
        try:
            entry = await self._bucket.read(name)
            if entry.value.get("holder") == self._me:
                rest = {key: each for key, each in entry.value.items() if key != "holder"}
                await self._bucket.write(name, rest, entry.revision)
        except (Conflict, Unavailable, QueueFull):
            pass

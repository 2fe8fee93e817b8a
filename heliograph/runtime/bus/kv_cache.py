"""Cache of a small key-value bucket: read in memory, refreshed by watching."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from cachetools import FIFOCache
from nats.aio.msg import Msg
from ulid import ULID

from heliograph.runtime.bus.core_nats import stop_listening
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import translated
from heliograph.runtime.bus.kv import KeyValue, KvEntry

_POLL_INTERVAL = 1.0  #: seconds between refreshes without a notification
_HINT_DELAY = 0.01  #: seconds from a hint until what it is about is stored
_REMEMBERED = 1_000  #: writes of this process whose notifications may still come


class KvCache:
    """
    A complete copy of a small bucket, a moment late.

    A writer publishes a notification, which only triggers a refresh: the bucket is read from where the last
    read ended.
    """

    def __init__(self, jetstream: JetStream, name: str) -> None:
        self.bucket = KeyValue(jetstream, name)
        self._jetstream = jetstream
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."
        self._entries: dict[str, KvEntry] = {}
        self._read_to = 0
        self._is_whole = False
        self.first_read = asyncio.Event()  #: everything was read once
        self._wakeup = asyncio.Event()
        self._next_look = asyncio.Event()  #: set, and replaced, after each
        self._own: FIFOCache[str, bool] = FIFOCache(_REMEMBERED)  #: ids of writes
        self._confirmed_at = float("-inf")  #: on the monotonic clock: everything older is known

    async def watch(self) -> None:
        """Keep the cache current by polling. Raises Unavailable."""
        with translated():
            hints = await self._jetstream.connection.subscribe(f"{self._prefix}>", cb=self._on_hint)
        try:
            while True:
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_INTERVAL):
                        await self._wakeup.wait()
                        await asyncio.sleep(_HINT_DELAY)
                self._wakeup.clear()
        finally:
            await stop_listening(hints)

    async def read(self, key: str) -> dict[str, Any]:
        """The value of a key. Raises Unreadable, and Unavailable before the first complete read."""
        return (await self.entry(key)).value

    async def entry(self, key: str) -> KvEntry:
        """The same, where a stale value will do. Raises Unavailable before everything was read once."""
        if not self._is_whole:
            return await self.bucket.read(key)
        return self._entries.get(key) or KvEntry({}, 0)

    def cached(self, key: str) -> KvEntry | None:
        """The cached entry of a key; None before everything was read once."""
        return (self._entries.get(key) or KvEntry({}, 0)) if self._is_whole else None

    def is_confirmed(self, within: float) -> bool:
        """Whether everything was read, or found unchanged, that was written more than `within` seconds ago."""
        return time.monotonic() - self._confirmed_at <= within

    async def until_confirmed(self, within: float, timeout: float) -> None:
        """
        Wait for another read, `timeout` seconds at most, if the last one began more than `within` seconds ago:
        a process that stood still needs it before it knows what was written meanwhile.
        """
        if self.is_confirmed(within):
            return
        self._wakeup.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._next_look.wait()

    def known(self, prefix: str) -> list[KvEntry] | None:
        """Entries whose keys have the prefix; None before the first complete read."""
        if not self._is_whole:
            return None
        return [entry for key, entry in self._entries.items() if key.startswith(prefix)]

    def every(self) -> dict[str, KvEntry]:
        """All known entries by key."""
        return dict(self._entries)

    def note(self, key: str, entry: KvEntry) -> None:
        """Store an entry that this process has read or written; older revisions are ignored."""
        known = self._entries.get(key)
        if known is None or known.revision < entry.revision:
            self._entries[key] = entry

    async def write(self, key: str, value: dict[str, Any], expected: int) -> None:
        """Write as `KeyValue.write`. This process knows it at once, and does not look for it when notified."""
        id_ = str(ULID())
        self._own[id_] = True
        self.note(key, KvEntry(value, await self.bucket.write(key, value, expected, id_=id_)))

    def forget(self, key: str) -> None:
        """Drop an entry that this process has removed."""
        self._entries.pop(key, None)

    async def _on_hint(self, message: Msg) -> None:
        if not self._own.pop((message.headers or {}).get("ce-id", ""), False):
            self._wakeup.set()

    async def _look(self) -> None:
        began = time.monotonic()
        info = await self._jetstream.api(f"STREAM.INFO.{self._stream}")
        last, keys = int(info["state"]["last_seq"]), int(info["state"].get("num_subjects", 0))
        if last < self._read_to:  # the bucket was made anew
            self._is_whole, self._entries, self._read_to = False, {}, 0
        if last > self._read_to:
            written, read_to = await self._written(self._read_to, last)
            for key, entry in written.items():
                self.note(key, entry)
            self._read_to = read_to
        if last == self._read_to and keys < len(self._entries):  # keys were removed
            await self._read_again(last)
        self._is_whole = True
        self.first_read.set()
        self._confirmed_at = began
        self._next_look.set()
        self._next_look = asyncio.Event()

    async def _read_again(self, last: int) -> None:
        """Read all entries again. Until that is done, the old entries count."""
        entries, read_to = await self._written(0, last)
        later = {key: each for key, each in self._entries.items() if each.revision > read_to}
        self._entries, self._read_to = entries | later, read_to

    async def _written(self, after: int, last: int) -> tuple[dict[str, KvEntry], int]:
        """Entries written after a sequence, and the sequence up to which: `last`, or a later one."""
        every = self._jetstream.read_acknowledged(self._stream, f"{self._prefix}>", after + 1)
        # what was replaced need not be read
        latest = {each.subject.removeprefix(self._prefix): each async for each in every}
        entries = {key: self.bucket.entry(stored) for key, stored in latest.items()}
        # what was written last may be removed
        return entries, max([last, *(each.sequence for each in latest.values())])

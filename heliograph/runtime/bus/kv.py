"""Key-value buckets of JetStream, written by compare-and-set only (optimistic concurrency)."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from ulid import ULID

from heliograph.contracts.errors import Unreadable
from heliograph.contracts.kv_entries import DISPOSABLE, read_entry
from heliograph.runtime.bus.conflicts import retry_on_conflict
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.stored_messages import Stored

_Parsed = TypeVar("_Parsed")


class KvEntry:
    """A value, and its revision for compare-and-set (0: the key has no value)."""

    def __init__(
        self, value: dict[str, Any], revision: int, unreadable: Unreadable | None = None
    ) -> None:
        self._value = value
        self._unreadable = unreadable
        self._parsed: dict[Callable[[dict[str, Any]], Any], Any] = {}
        self.revision = revision

    @property
    def value(self) -> dict[str, Any]:
        """Raises Unreadable: an entry that cannot be read must not be replaced."""
        if self._unreadable:
            raise self._unreadable
        return self._value

    @property
    def readable(self) -> dict[str, Any]:
        """The value; nothing in place of one that cannot be read."""
        return {} if self._unreadable else self._value

    def parsed(self, parse: Callable[[dict[str, Any]], _Parsed]) -> _Parsed:
        """
        What a pure function makes of the value. It is called once: entries of a cache are used by many
        requests. Raises Unreadable.
        """
        if parse not in self._parsed:
            self._parsed[parse] = parse(self.value)
        parsed: _Parsed = self._parsed[parse]
        return parsed


class KeyValue:
    """One key-value bucket, written by compare-and-set only."""

    def __init__(self, jetstream: JetStream, name: str) -> None:
        self._jetstream = jetstream
        self._name = name
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."

    async def read(self, key: str) -> KvEntry:
        """The entry of a key. Raises Unavailable."""
        stored = await self._jetstream.last(self._stream, self._prefix + key)
        return self.entry(stored) if stored else KvEntry({}, 0)

    def entry(self, stored: Stored) -> KvEntry:
        """The entry of a message of the bucket. An unreadable one is noted, see `KvEntry.value`."""
        if stored.headers.get("KV-Operation"):
            return KvEntry({}, stored.sequence)
        try:
            return KvEntry(read_entry(self._name, stored.data), stored.sequence)
        except Unreadable as error:
            self._jetstream.dead_letters.note(
                self._stream, stored.sequence, stored.subject, stored.data, str(error)
            )
            is_lost = self._name not in DISPOSABLE
            return KvEntry({}, stored.sequence, error if is_lost else None)

    async def matching(self, pattern: str) -> dict[str, KvEntry]:
        """Entries whose keys match a pattern, as `demo.*`. Raises Unavailable."""
        every = self._jetstream.read_all(self._stream, self._prefix + pattern)
        return {s.subject.removeprefix(self._prefix): self.entry(s) async for s in every}

    async def size(self) -> int:
        """Number of keys. Raises Unavailable."""
        info = await self._jetstream.api(f"STREAM.INFO.{self._stream}")
        return int(info["state"]["messages"])

    async def write(
        self, key: str, value: dict[str, Any], expected: int, *, id_: str | None = None
    ) -> int:
        """
        Replace the entry of the `expected` revision; 0: there is none. Returns the new revision; `id_` is
        made up by default.

        Raises:
            Conflict: It has another revision now.
            Unavailable: It may or may not be replaced.
        """
        headers = {"ce-id": id_ or str(ULID())}
        data = json.dumps(value).encode()
        return await self._jetstream.append(
            self._stream, self._prefix + key, data, headers, expected_last=expected
        )

    async def forget(self, key: str, revision: int) -> None:
        """Remove what was written up to a revision; what came later stays. Raises Unavailable."""
        query = {"filter": self._prefix + key, "seq": revision + 1}
        await self._jetstream.api(f"STREAM.PURGE.{self._stream}", query)

    @retry_on_conflict
    async def change(
        self, key: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]
    ) -> bool:
        """Apply a pure change, retrying on conflicts. Returns False if `change` returns None."""
        entry = await self.read(key)
        value = change(entry.value)
        if value is None:
            return False
        if value == entry.value:
            return True
        await self.write(key, value, entry.revision)
        return True

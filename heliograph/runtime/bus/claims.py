"""Tables of claims on JetStream key-value buckets: slots, account places, leases."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import structlog
from ulid import ULID

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.registry import Account
from heliograph.runtime.bus import Lost, Places, SlotClaim
from heliograph.runtime.bus.jetstream import JetStream

log = structlog.get_logger()


class Cell(NamedTuple):
    """A value, and the revision that whoever replaces it must have seen (0: nothing is there)."""

    value: dict[str, Any]
    revision: int


class Bucket:
    """One key-value bucket, written by compare-and-set only."""

    def __init__(self, jetstream: JetStream, name: str) -> None:
        self._jetstream = jetstream
        self._stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."

    async def read(self, key: str) -> Cell:
        """What is there. Raises Unavailable."""
        stored = await self._jetstream.last(self._stream, self._prefix + key)
        if stored is None or stored.headers.get("KV-Operation"):
            return Cell({}, stored.sequence if stored else 0)
        return Cell(json.loads(stored.data), stored.sequence)

    async def write(self, key: str, value: dict[str, Any], seen: int) -> int:
        """Replace what had revision `seen`. Raises Lost when it has another now, and Unavailable."""
        headers = {"ce-id": str(ULID())}
        data = json.dumps(value).encode()
        return await self._jetstream.append(
            self._stream, self._prefix + key, data, headers, after=seen
        )

    async def change(
        self, key: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]
    ) -> bool:
        """Apply a pure change, as often as it takes. False when the change is None: not wanted."""
        while True:
            cell = await self.read(key)
            value = change(cell.value)
            if value is None:
                return False
            if value == cell.value:
                return True
            try:
                await self.write(key, value, cell.revision)
            except Lost:
                continue
            return True


class BucketSlots:
    """`Slots` in the bucket `slots`: key `<project>.<slot>`, value `{job, restored?}`."""

    def __init__(self, jetstream: JetStream) -> None:
        self._bucket = Bucket(jetstream, "slots")

    async def read(self, project: str, slot: str) -> SlotClaim:
        cell = await self._bucket.read(f"{project}.{slot}")
        return SlotClaim(cell.value.get("job"), cell.revision, cell.value.get("restored"))

    async def claim(self, project: str, slot: str, job: str, seen: SlotClaim) -> None:
        value: dict[str, Any] = {"job": job}
        if seen.restored:
            value["restored"] = seen.restored
        await self._bucket.write(f"{project}.{slot}", value, seen.revision)


class BucketAccounts:
    """`Accounts` in the bucket `accounts`: key `<account>`, value `{cap?, holders: {job: run}}`."""

    def __init__(self, jetstream: JetStream, accounts: dict[str, Account]) -> None:
        self._bucket = Bucket(jetstream, "accounts")
        self._accounts = accounts

    async def take(self, account: str, job: str, run: int, *, force: bool = False) -> bool:
        if not self._is_bounded(account):
            return True

        def place(value: dict[str, Any]) -> dict[str, Any] | None:
            holders = value.get("holders", {})
            if not force and not has_room(value, job, self._accounts[account]):
                return None
            return {**value, "holders": {**holders, job: max(run, holders.get(job, 0))}}

        return await self._bucket.change(account, place)

    async def free(self, account: str, job: str, run: int) -> None:
        if not self._is_bounded(account):
            return

        def leave(value: dict[str, Any]) -> dict[str, Any]:
            holders = dict(value.get("holders", {}))
            if holders.get(job, run + 1) <= run:
                del holders[job]
            return {**value, "holders": holders}

        await self._bucket.change(account, leave)

    async def places(self, account: str) -> Places:
        if not self._is_bounded(account):
            return Places({}, None)
        value = (await self._bucket.read(account)).value
        holders: dict[str, int] = value.get("holders", {})
        return Places(holders, _cap(value, self._accounts[account]) - len(holders))

    def bounded(self) -> list[str]:
        return [account for account in self._accounts if self._is_bounded(account)]

    def _is_bounded(self, account: str) -> bool:
        entry = self._accounts.get(account)
        return entry is not None and entry.cap is not None


def _cap(value: dict[str, Any], account: Account) -> int:
    return int(value.get("cap") or account.cap or 0)


def has_room(value: dict[str, Any], job: str, account: Account) -> bool:
    """Whether a job may have a place. A place it holds counts as room."""
    holders = value.get("holders", {})
    return job in holders or len(holders) < _cap(value, account)


class Leases:
    """
    Who does what only one process should do. Nothing depends on it for correctness.

    A lease is kept by writing it again and again. Whoever waits for it takes it over when, by its
    own clock, nobody wrote it for `ttl` seconds.
    """

    def __init__(self, jetstream: JetStream, *, ttl: float = 3.0) -> None:
        self._bucket = Bucket(JetStream(jetstream.connection, timeout=ttl / 3), "leases")
        self._ttl = ttl
        self._me = str(ULID())

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[asyncio.Event]:
        """Wait for the lease, and keep it. The event is set when it is lost after all."""
        revision = await self._acquire(name)
        lost = asyncio.Event()
        keeper = asyncio.create_task(self._keep(name, revision, lost))
        try:
            log.info("Lease acquired", lease=name)
            yield lost
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
            if not lost.is_set():
                await self._release(name)

    async def _acquire(self, name: str) -> int:
        seen, since = -1, 0.0
        while True:
            try:
                cell = await self._bucket.read(name)
                if cell.revision != seen:
                    seen, since = cell.revision, time.monotonic()
                if not cell.value.get("holder") or time.monotonic() - since > self._ttl:
                    return await self._bucket.write(name, {"holder": self._me}, cell.revision)
            except (Lost, Unavailable):
                pass
            await asyncio.sleep(self._ttl / 6)

    async def _keep(self, name: str, revision: int, lost: asyncio.Event) -> None:
        renewed = time.monotonic()
        while time.monotonic() - renewed < self._ttl:
            await asyncio.sleep(self._ttl / 3)
            began = time.monotonic()
            try:
                revision = await self._bucket.write(name, {"holder": self._me}, revision)
                renewed = began
            except Lost:
                break
            except Unavailable:
                continue
        log.warning("Lease lost", lease=name)
        lost.set()

    async def _release(self, name: str) -> None:
        try:
            cell = await self._bucket.read(name)
            if cell.value.get("holder") == self._me:
                await self._bucket.write(name, {}, cell.revision)
        except (Lost, Unavailable):
            pass

"""Upload cache: each reference is uploaded once per account and digest (single flight, LRU, TTL)."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from prometheus_client import Counter, Gauge
from ulid import ULID

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.contracts.records import Record
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.kv import KeyValue, KvEntry
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point
from services.render.providers import FileHost
from services.render.references.download import RemoteReferences, download_own

BUCKET = "brought"  #: older processes of a rolling upgrade know the bucket by this name
TOUCHED_EVERY = 60.0  #: seconds between two notes that a copy is in use

_TIMEOUT = 120.0  #: seconds for a reference to be uploaded, by any process
_CONCURRENCY = 4  #: references in memory
_POLL_INTERVAL = 0.2  #: seconds
_COUNT_EVERY = 10.0  #: seconds

_SIZE = Gauge("heliograph_reference_copies", "Entries of the upload cache")
_MOST = Gauge(
    "heliograph_reference_copies_max",
    "Entry limit of the upload cache; beyond it the least recently used is evicted",
)
_HITS = Counter(
    "heliograph_reference_copies_hits", "References found in the upload cache", ["account"]
)
_MISSES = Counter(
    "heliograph_reference_copies_misses", "References missing from the upload cache", ["account"]
)

_Read = Callable[[], Awaitable[tuple[str, bytes]]]


class ReferenceUploadCache:
    """
    Uploads references to providers, once per account and digest.

    The bucket `brought` has the reference copies: key `<account>.<sha256>`, value `{url, until, used}`, or
    `{claimed}` while a process uploads it. It holds `most` entries; the server drops those first that
    were written longest ago, and what is in use is written again now and then.

    Args:
        claim: Seconds until a process that began an upload is considered dead.
        remote: Reads what is neither ours nor for the provider to fetch; null: no such thing.
    """

    def __init__(
        self,
        bucket: KeyValue,
        file_hosts: Mapping[str, FileHost],
        *,
        most: int,
        remote: RemoteReferences | None = None,
        claim: float,
        touched_every: float = TOUCHED_EVERY,
    ) -> None:
        self._bucket = bucket
        self._file_hosts = file_hosts
        self._remote = remote or RemoteReferences()
        self._claim = claim
        self._touched_every = touched_every
        self._me = str(ULID())
        self._flights: dict[str, asyncio.Task[tuple[str, bool]]] = {}
        self._running = asyncio.Semaphore(_CONCURRENCY)
        _MOST.set(most)

    async def watch(self) -> None:
        """Count the entries at an interval."""
        while True:
            _SIZE.set(await self._bucket.size())
            await asyncio.sleep(_COUNT_EVERY)

    async def upload(self, record: Record, url: str, sha256: str) -> SentReference:
        """
        A reference of ours, as the provider of a job gets it.

        Raises:
            ReferenceFailed: The reference does not exist at its URL.
            ProviderUnavailable, AccountRefused: The provider did not take it.
            Unavailable: It is unknown whether the reference was uploaded; try again.
        """
        file_host = self._file_hosts.get(record.provider)
        if file_host:
            read = partial(download_own, url)
            url = await self._copy(record.internal.account, sha256, file_host, read)
        return SentReference(url=url, digest=f"sha256:{sha256}")

    async def upload_remote(self, record: Record, url: str) -> SentReference:
        """
        A reference on another server. Raises as `upload`.

        A reference that the provider cannot fetch is read by us only from hosts that an operator named:
        otherwise callers could read our own network through us (SSRF).
        """
        file_host = self._file_hosts.get(record.provider)
        if file_host is None or file_host.can_fetch(url):
            digest = hashlib.sha256(url.encode()).hexdigest()
            return SentReference(url=url, digest=f"sha256:{digest}")
        media_type, content = await self._remote.download(url)

        async def read() -> tuple[str, bytes]:
            return media_type, content

        sha256 = hashlib.sha256(content).hexdigest()
        there = await self._copy(record.internal.account, sha256, file_host, read)
        return SentReference(url=there, digest=f"sha256:{sha256}")

    async def invalidate(self, record: Record) -> bool:
        """
        Forget the uploads of a job's last attempt, one of which the provider no longer finds. True if
        one of them was uploaded by us, and will be uploaded again. Raises Unavailable.
        """
        were_ours = False
        for sent in record.internal.attempts[-1].references:
            key = _key(record.internal.account, sent.digest.removeprefix("sha256:"))
            entry = await self._bucket.read(key)
            if entry.value.get("url") == sent.url:
                were_ours = True
                with suppress(Conflict):  # it was uploaded again
                    await self._bucket.write(key, {}, entry.revision)
        return were_ours

    async def _copy(self, account: str, sha256: str, file_host: FileHost, read: _Read) -> str:
        """URL of the reference copy at the provider (single flight): concurrent callers share one upload."""
        key = _key(account, sha256)
        flight = self._flights.get(key)
        is_mine = flight is None
        if flight is None:
            flight = asyncio.create_task(self._find_or_upload(key, file_host, read))
            self._flights[key] = flight
            flight.add_done_callback(partial(self._landed, key))
        url, was_uploaded = await asyncio.shield(flight)
        (_MISSES if is_mine and was_uploaded else _HITS).labels(account).inc()
        return url

    def _landed(self, key: str, flight: asyncio.Task[tuple[str, bool]]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # retrieved, so that asyncio does not log it

    async def _find_or_upload(self, key: str, file_host: FileHost, read: _Read) -> tuple[str, bool]:
        """The URL of an upload, and whether this process made it."""
        seen, since = -1, 0.0
        try:
            async with asyncio.timeout(_TIMEOUT):
                while True:
                    entry = await self._bucket.read(key)
                    if url := _usable(entry):
                        await self._mark_used(key, entry)
                        return url, False
                    if entry.revision != seen:
                        seen, since = entry.revision, time.monotonic()
                    if entry.value.get("claimed") and time.monotonic() - since < self._claim:
                        await asyncio.sleep(_POLL_INTERVAL)
                        continue
                    with suppress(Conflict):
                        return await self._claim_and_upload(key, entry, file_host, read), True
        except TimeoutError:
            raise Unavailable("a reference could not be uploaded in time") from None

    async def _claim_and_upload(
        self, key: str, entry: KvEntry, file_host: FileHost, read: _Read
    ) -> str:
        """Raises Conflict: another process uploads it."""
        async with self._running:
            claim = await self._bucket.write(key, {"claimed": self._me}, entry.revision)
            crash_point("bring.claimed")
            try:
                copy = await file_host.upload(*await read())
            except Exception:
                with suppress(Conflict, Unavailable, QueueFull):
                    await self._bucket.write(key, {}, claim)
                raise
        crash_point("bring.brought")
        at = now().timestamp()
        known = {"url": copy.url, "until": at + copy.ttl, "used": at}
        with suppress(Conflict, Unavailable, QueueFull):  # it is there, if only for this job
            await self._bucket.write(key, known, claim)
        return copy.url

    async def _mark_used(self, key: str, entry: KvEntry) -> None:
        at = now().timestamp()
        if at - (entry.value.get("used") or 0) < self._touched_every:
            return
        with suppress(Conflict, Unavailable, QueueFull):
            await self._bucket.write(key, {**entry.value, "used": at}, entry.revision)


def _key(account: str, sha256: str) -> str:
    return f"{account}.{sha256}"


def _usable(entry: KvEntry) -> str | None:
    """The address in an entry, unless the provider may have deleted the copy."""
    value: dict[str, Any] = entry.value
    url = value.get("url")
    return str(url) if url and (value.get("until") or 0) > now().timestamp() else None

"""Presigned URLs of stored objects: signed by storage, cached for half of their lifetime."""

import time
from typing import NamedTuple

from cachetools import TLRUCache

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.storage import SignObjects, StoredObject
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.queries import RemoteProblem

KEPT = 20_000  #: signed URLs kept

_DEFAULT_TTL = 900.0  #: seconds that a URL is valid, unless storage reports another time
_BATCH = 200  #: objects of one request to storage


class _SignedUrl(NamedTuple):
    url: str
    expires: float  #: on the monotonic clock; it works for as long again


class PresignedUrlCache:
    """
    Presigned URLs of stored objects (LRU): requested from storage, kept for half of their TTL.

    Args:
        timeout: Seconds storage has to reply; then a URL is missing.
    """

    def __init__(self, request: RequestReply, *, timeout: float) -> None:
        self._request = request
        self._timeout = timeout
        self._kept: TLRUCache[StoredObject, _SignedUrl] = TLRUCache(
            KEPT, ttu=lambda _, signed, __: signed.expires
        )
        self.ttl = _DEFAULT_TTL  #: seconds that a URL is valid, as storage last reported

    def cached(self, objects: list[StoredObject]) -> dict[StoredObject, str] | None:
        """The URLs, if all of them are cached; None otherwise."""
        urls = self._fresh(objects)
        return urls if len(urls) == len(set(objects)) else None

    async def of(self, objects: list[StoredObject]) -> dict[StoredObject, str]:
        """A URL for each object; those that storage does not sign in time are missing."""
        fresh = self._fresh(objects)
        missing = [o for o in objects if o not in fresh]
        for start in range(0, len(missing), _BATCH):
            await self._ask(missing[start : start + _BATCH])
        return self._fresh(objects)

    def _fresh(self, objects: list[StoredObject]) -> dict[StoredObject, str]:
        kept = ((each, self._kept.get(each)) for each in objects)
        return {each: signed.url for each, signed in kept if signed}

    async def _ask(self, objects: list[StoredObject]) -> None:
        requested_at = time.monotonic()
        try:
            signed = await self._request(SignObjects(objects=objects), timeout=self._timeout)
        except (Unavailable, RemoteProblem):
            return
        self.ttl = signed.expires_in
        for each, url in zip(objects, signed.urls, strict=True):
            self._kept[each] = _SignedUrl(url, requested_at + signed.expires_in / 2)

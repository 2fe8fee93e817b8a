"""Presigned URLs of stored objects: signed by storage, cached for half of their lifetime."""

import time
from collections import OrderedDict

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.storage import SignObjects, StoredObject
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.queries import RemoteProblem

_DEFAULT_TTL = 900.0  #: seconds an address works, unless storage says otherwise


KEPT = 20_000  #: signed addresses kept


_BATCH = 200


class PresignedUrlCache:
    """
    Presigned addresses of stored objects, asked of storage and kept for half their life.

    Args:
        patience: Seconds storage has to answer; then an address is missing.
    """

    def __init__(self, request: RequestReply, *, timeout: float) -> None:
        self._request = request
        self._timeout = timeout
        self._kept: OrderedDict[StoredObject, tuple[str, float]] = OrderedDict()
        self.ttl = _DEFAULT_TTL  #: seconds an address works, as storage said last

    def cached(self, objects: list[StoredObject]) -> dict[StoredObject, str] | None:
        """The addresses, if nobody has to be asked for any of them."""
        urls = self._fresh(objects)
        return urls if len(urls) == len(set(objects)) else None

    async def of(self, objects: list[StoredObject]) -> dict[StoredObject, str]:
        """An address for each object; those that storage does not give in time are missing."""
        fresh = self._fresh(objects)
        missing = [o for o in objects if o not in fresh]
        for start in range(0, len(missing), _BATCH):
            await self._ask(missing[start : start + _BATCH])
        return self._fresh(objects)

    def _fresh(self, objects: list[StoredObject]) -> dict[StoredObject, str]:
        now = time.monotonic()
        kept = ((o, self._kept.get(o)) for o in objects)
        return {o: signed[0] for o, signed in kept if signed and signed[1] > now}

    async def _ask(self, objects: list[StoredObject]) -> None:
        requested_at = time.monotonic()
        try:
            signed = await self._request(SignObjects(objects=objects), timeout=self._timeout)
        except (Unavailable, RemoteProblem):
            return
        self.ttl = signed.expires_in
        for each, url in zip(objects, signed.urls, strict=True):
            self._kept[each] = (url, requested_at + signed.expires_in / 2)
            self._kept.move_to_end(each)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

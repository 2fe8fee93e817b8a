"""Disk reserve: the free space below which uploads are refused, so that paid results find room."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heliograph.contracts.errors import Unavailable

_STEP = 4 * 1024 * 1024  #: bytes by which a claim of unknown size grows
_RETRY_AFTER = 30.0  #: seconds, sent with a refusal


class DiskReserve:
    """
    Space for bodies on their way.

    Args:
        folder: Where they are spooled.
        keep_free: Bytes of the disk that stay free.
        copies: Copies of a body on this disk: in the spool, and in a store on the same disk.
    """

    def __init__(self, folder: Path, *, keep_free: int, copies: int = 1) -> None:
        self._folder = folder
        self._keep_free = keep_free
        self._copies = copies
        self._claimed = 0  #: bytes of all bodies on their way

    @contextmanager
    def claim(self, size: int = 0) -> Iterator["Claim"]:
        """Room for a body of a size, as far as it is known. Raises Unavailable."""
        claim = Claim(self)
        try:
            claim.cover(max(size, 1))
            yield claim
        finally:
            self._claimed -= claim.size

    def _take(self, size: int) -> None:
        needed = (self._claimed + size) * self._copies
        if shutil.disk_usage(self._folder).free - needed < self._keep_free:
            raise no_space()
        self._claimed += size


class Claim:
    """The room that one body has."""

    def __init__(self, reserve: DiskReserve) -> None:
        self._reserve = reserve
        self.size = 0  #: bytes

    def cover(self, size: int) -> None:
        """Raise the claim to the current size of the body. Raises Unavailable."""
        if size > self.size:
            more = max(size - self.size, _STEP if self.size else 0)
            self._reserve._take(more)
            self.size += more


def no_space() -> Unavailable:
    """The error while the disk has no room."""
    return Unavailable("there is too little free disk space for uploads", retry_after=_RETRY_AFTER)

"""Object store port: put, get and delete objects by key."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.storage import StoredObject
from services.storage.content import Content


class StoreUnavailable(Unavailable):
    """The store does not respond, or refuses for now."""


class Corrupted(StoreUnavailable):
    """The stored object differs from what was put; putting it again may repair it."""


IsSole = Callable[[], bool]  #: called before an object is put, and after


class ObjectStore(Protocol):
    """
    Keeps bytes under a key derived from them, so that putting them twice changes nothing.

    Raises:
        StoreUnavailable: The store does not respond; try again later.
    """

    async def open(self) -> None:
        """Make the bucket, or its equivalent, unless it exists."""

    async def aclose(self) -> None:
        """Close connections; the store is not used any more."""

    async def put(
        self, key: str, content: Content, media_type: str, *, is_sole: IsSole | None = None
    ) -> None:
        """
        Store the bytes, and verify that they are stored completely.

        Args:
            is_sole: Whether no other process can be putting the same bytes there. None: that is
                not known.

        Raises:
            Corrupted: The stored bytes are missing or incomplete.
        """

    async def get(self, key: str, target: Path, *, limit: int) -> bool:
        """
        Copy what is under a key into a file, at most `limit` bytes of it. False: nothing is there.

        Raises:
            OutputTooLarge: The object is larger than `limit`.
        """

    async def keys(self, prefix: str) -> list[str]:
        """Keys with this prefix."""

    async def delete(self, key: str) -> None:
        """Delete what is under a key. Does nothing if there is nothing."""

    def presigned_url(self, stored: StoredObject, *, seconds: float) -> str:
        """
        A presigned URL for a person, with the type and the name of the file. It is the same for
        half of its life, and works for at least `seconds / 2` from now on, at most `seconds`.
        """

    async def check(self) -> None:
        """Readiness check: raises StoreUnavailable unless the store responds."""

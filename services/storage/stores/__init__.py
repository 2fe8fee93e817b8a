"""Object store port: what is stored under a key."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.storage import StoredObject

_CHUNK = 256 * 1024  #: bytes read at once


class StoreUnavailable(Unavailable):
    """The store does not answer, or refuses for now."""


class Corrupted(StoreUnavailable):
    """What the store holds is not what was put there; putting it again may mend it."""


@dataclass(frozen=True, kw_only=True)
class FileContent:
    """Bytes in a file of ours, and what they are known by."""

    path: Path
    size: int
    sha256: str
    md5: bytes  #: S3 takes it beside the bytes, and answers it as the ETag of one piece

    @classmethod
    def of(cls, path: Path) -> "FileContent":
        """Read a file once for all of it."""
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        size = 0
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                sha256.update(chunk)
                md5.update(chunk)
                size += len(chunk)
        return cls(path=path, size=size, sha256=sha256.hexdigest(), md5=md5.digest())


class ObjectStore(Protocol):
    """
    Keeps bytes under a key that names them, so that putting them twice is putting them once.

    Raises:
        StoreUnavailable: Try again later.
    """

    async def put(self, key: str, content: FileContent, media_type: str) -> None:
        """Keep the bytes, and make sure that they are there, whole. Raises Damaged when not."""

    async def get(self, key: str, target: Path, *, limit: int) -> bool:
        """
        Copy what is under a key into a file, at most `limit` bytes of it. False: nothing is there.

        Raises:
            OutputTooLarge: There is more.
        """

    async def keys(self, prefix: str) -> list[str]:
        """What there is under keys that begin like this."""

    async def delete(self, key: str) -> None:
        """Forget what is under a key. Nothing there is fine."""

    def presigned_url(self, stored: StoredObject, *, seconds: float) -> str:
        """A presigned address for a person: it says the type and the name of the file."""

    async def check(self) -> None:
        """For readiness: raises StoreUnavailable unless the store answers now."""

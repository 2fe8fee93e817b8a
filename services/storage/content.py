"""Content: the bytes of an output or an upload, in memory or in a file of ours, and their digests."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

CHUNK = 256 * 1024  #: bytes read at once

_SHORT = 64 * 1024  #: bytes that are read faster than a thread begins

T = TypeVar("T")

Body = bytes | Path  #: few bytes are in memory, many in a file


def opened(body: Body) -> BinaryIO:
    """A reader of a body, at its beginning."""
    return BytesIO(body) if isinstance(body, bytes) else body.open("rb")


def whole(body: Body) -> bytes:
    """All bytes of a body."""
    return body if isinstance(body, bytes) else body.read_bytes()


async def off_loop(read: Callable[[Body], T], body: Body) -> T:
    """Read a body in a thread, unless it is so short that a thread takes longer."""
    size = len(body) if isinstance(body, bytes) else body.stat().st_size
    return read(body) if size <= _SHORT else await asyncio.to_thread(read, body)


@dataclass(frozen=True, kw_only=True)
class Content:
    """A body and its digests."""

    body: Body
    size: int
    sha256: str
    md5: bytes  #: S3 takes it beside the bytes, and returns it as the ETag of one piece

    @classmethod
    def of(cls, body: Body) -> "Content":
        """Read a body once for all of it."""
        sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        size = 0
        with opened(body) as stream:
            while chunk := stream.read(CHUNK):
                sha256.update(chunk)
                md5.update(chunk)
                size += len(chunk)
        return cls(body=body, size=size, sha256=sha256.hexdigest(), md5=md5.digest())

    def chunks(self) -> Iterator[bytes]:
        """
        Exactly the counted bytes, also of a file that has grown since.

        Raises:
            EOFError: The file is shorter than when it was counted.
        """
        left = self.size
        with opened(self.body) as stream:
            while left:
                chunk = stream.read(min(CHUNK, left))
                if not chunk:
                    raise EOFError("the file is shorter than it was")
                left -= len(chunk)
                yield chunk


class BodyBuffer:
    """
    Receives a body: in memory up to a bound, beyond it in a file.

    Args:
        file: Made when it is needed, and its folder with it.
        in_memory: Bytes.
    """

    def __init__(self, file: Path, *, in_memory: int) -> None:
        self._file = file
        self._in_memory = in_memory
        self._held = bytearray()
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            self._stream.close()

    def write(self, chunk: bytes) -> None:
        if self._stream is None and len(self._held) + len(chunk) <= self._in_memory:
            self._held += chunk
            return
        if self._stream is None:
            self._stream = self._open()
            self._stream.write(self._held)
            self._held.clear()
        self._stream.write(chunk)

    def body(self) -> Body:
        """The received body; nothing may be received after it."""
        if self._stream is None and self._in_memory:
            return bytes(self._held)
        self._stream = self._stream or self._open()
        self._stream.close()
        return self._file

    def _open(self) -> BinaryIO:
        self._file.parent.mkdir(exist_ok=True)
        return self._file.open("wb")  # local, and a chunk at a time

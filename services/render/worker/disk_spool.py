"""
Response spool on disk, in a folder that only its owner can read.

Each response is one file: a line of JSON, and the bytes of its outputs. The process that it belongs to
holds a lock on it; an unlocked file belongs to a dead process.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from heliograph.runtime.file_lock import lock
from services.render.worker.response_spool import InlineResponse, KeptResponse, NoRoom

_SUFFIX = ".answer"


class DiskSpool:
    """
    `ResponseSpool` in a folder that only its owner can read.

    Args:
        max_bytes: Of all responses together.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    async def keep(self, response: InlineResponse, contents: Sequence[bytes]) -> KeptResponse:
        return await asyncio.to_thread(self._keep, response, contents)

    async def abandoned(self) -> list[KeptResponse]:
        return await asyncio.to_thread(lambda: list(self._abandoned()))

    def _keep(self, response: InlineResponse, contents: Sequence[bytes]) -> KeptResponse:
        head = response.model_dump_json().encode() + b"\n"
        size = len(head) + sum(map(len, contents))
        if self._used() + size > self._max_bytes:
            raise NoRoom(f"more than {self._max_bytes} bytes wait for storage")
        file = self._folder / f"{response.job}-{response.run}{_SUFFIX}"
        try:
            return _SpooledResponse(file, _write(file, [head, *contents]), response)
        except OSError as error:
            raise NoRoom(f"the disk does not take a response: {error.strerror}") from error

    def _abandoned(self) -> Iterator[KeptResponse]:
        for file in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                handle = lock(file, os.O_RDWR)
            except FileNotFoundError:
                continue
            if handle is None:
                continue
            if not file.exists():  # its process removed it, and then unlocked it
                os.close(handle)
                continue
            yield _read(file, handle)

    def _used(self) -> int:
        used = 0
        for file in self._folder.iterdir():
            try:
                used += file.stat().st_size
            except FileNotFoundError:
                continue
        return used


class _SpooledResponse:
    def __init__(self, file: Path, handle: int, response: InlineResponse) -> None:
        self.response = response
        self._file = file
        self._handle = handle

    async def contents(self) -> AsyncIterator[tuple[str, bytes]]:
        for number in range(len(self.response.sizes)):
            yield await asyncio.to_thread(self._content, number)

    def _content(self, number: int) -> tuple[str, bytes]:
        with self._file.open("rb") as stream:
            stream.readline()
            stream.seek(sum(self.response.sizes[:number]), os.SEEK_CUR)
            content = stream.read(self.response.sizes[number])
        return hashlib.sha256(content).hexdigest(), content

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        os.close(self._handle)


def _read(file: Path, handle: int) -> _SpooledResponse:
    with file.open("rb") as stream:
        return _SpooledResponse(file, handle, InlineResponse.model_validate_json(stream.readline()))


def _write(file: Path, parts: Sequence[bytes]) -> int:
    """Write a file with all of its bytes, or not at all. Returns the handle that locks it."""
    draft = file.with_name(f".{file.name}")
    draft.unlink(missing_ok=True)
    handle = lock(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    assert handle is not None, "the draft was made this moment"
    try:
        for part in parts:
            view = memoryview(part)
            while view:
                view = view[os.write(handle, view) :]
        os.fsync(handle)
        draft.rename(file)
        _sync_folder(file.parent)
    except OSError:
        draft.unlink(missing_ok=True)
        os.close(handle)
        raise
    return handle


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

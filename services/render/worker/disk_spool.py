"""
Response spool on disk, in a folder that only its owner can read.

Each response is one file: a line of JSON, and the bytes of its outputs. The process that it belongs to
holds a lock on it; an unlocked file belongs to a dead process. A file is written as a draft, which other
processes leave alone: until its name is final, it is nobody's response.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import chain
from pathlib import Path

import structlog

from heliograph.runtime.file_lock import lock
from heliograph.runtime.old_files import remove_older
from services.render.worker.response_spool import InlineResponse, KeptResponse, NoRoom

log = structlog.get_logger()

_SUFFIX = ".answer"
_DRAFT = ".draft"
_DAMAGED = ".damaged"  #: kept for the operator
#: drafts, and those of earlier releases
_DRAFTS = (f"*{_DRAFT}", f".*{_SUFFIX}")
_DRAFT_EXPIRY = 3600.0  #: seconds after which the process that wrote a draft is surely dead


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
        remove_older(self._drafts(), _DRAFT_EXPIRY)
        for file in sorted(self._folder.glob(f"[!.]*{_SUFFIX}")):
            try:
                handle = lock(file, os.O_RDWR)
            except FileNotFoundError:
                continue
            if handle is None:
                continue
            if file.exists() and (kept := _read(file, handle)):
                yield kept
            else:  # its process removed it, and then unlocked it; or it is damaged
                os.close(handle)

    def _drafts(self) -> Iterator[Path]:
        return chain.from_iterable(self._folder.glob(pattern) for pattern in _DRAFTS)

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


def _read(file: Path, handle: int) -> _SpooledResponse | None:
    """None: the disk has damaged the file, which is set aside so that all others are recovered."""
    with file.open("rb") as stream:
        head = stream.readline()
    try:
        return _SpooledResponse(file, handle, InlineResponse.model_validate_json(head))
    except ValueError:
        damaged = file.rename(file.with_suffix(_DAMAGED))
        log.error("Spooled response damaged", file=damaged.name)
        return None


def _write(file: Path, parts: Sequence[bytes]) -> int:
    """Write a file with all of its bytes, or not at all. Returns the handle that locks it."""
    draft = file.with_suffix(_DRAFT)
    draft.unlink(missing_ok=True)
    handle = lock(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    if handle is None:
        raise BlockingIOError(errno.EAGAIN, "another process holds the draft")
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

"""Body spool: request bodies are written to a file, bounded in size and time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fastapi import Request
from starlette.requests import ClientDisconnect

from heliograph.contracts.errors import BodyTooLarge, MalformedRequest
from services.storage.content import Content
from services.storage.disk_reserve import Claim, no_space
from services.storage.media.media_types import EARLY, HEAD

_TIMEOUT = 600.0  #: seconds for a body to arrive


class Limit(NamedTuple):
    """Size limit of a body."""

    size: int
    of: str = ""  #: the medium that this is the limit of


def announced(request: Request) -> int:
    """Announced length of a body; 0 without one."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


class Spool:
    """
    One body, written to a file.

    Args:
        limit: Bytes of it at most.
        claim: The room on the disk that it has.
        limit_of: Returns the limit for a body by its first bytes. Called once; it may raise.
    """

    def __init__(
        self,
        target: Path,
        *,
        limit: int,
        claim: Claim | None = None,
        limit_of: Callable[[bytes], Limit] | None = None,
    ) -> None:
        self._target = target
        self._limit = Limit(limit)
        self._claim = claim
        self._limit_of = limit_of
        self._head = b""
        self._size = 0

    async def receive(self, request: Request) -> Content:
        """
        The whole body.

        Raises:
            BodyTooLarge: The body, or its declared length, exceeds the limit.
            MalformedRequest: The body arrives too slowly, or ended too early.
            Unavailable: The disk has not enough free space.
        """
        self._check(announced(request))
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._copy(request)
        except TimeoutError:
            raise MalformedRequest(f"The body did not arrive within {_TIMEOUT:g} s.") from None
        except ClientDisconnect:  # the client is gone and does not read this
            raise MalformedRequest("The body ended too early.") from None
        except OSError as error:
            raise no_space() from error
        return await asyncio.to_thread(Content.of, self._target)

    async def _copy(self, request: Request) -> None:
        with self._target.open("wb") as stream:  # local, and a chunk at a time
            async for chunk in request.stream():
                self._size += len(chunk)
                self._look_at(chunk, announced(request))
                self._check(self._size)
                if self._claim:
                    self._claim.cover(self._size)
                stream.write(chunk)

    def _look_at(self, chunk: bytes, length: int) -> None:
        """Check a body by its first bytes, before the rest arrives."""
        if self._limit_of is None:
            return
        self._head += chunk[:HEAD]
        enough = HEAD if self._head[4:8] == b"ftyp" else EARLY
        if len(self._head) >= enough:
            self._limit = self._limit_of(self._head[:HEAD])
            self._limit_of = None
            self._check(length)

    def _check(self, size: int) -> None:
        if size > self._limit.size:
            of = self._limit.of and f" of {self._limit.of}"
            raise BodyTooLarge(f"at most {self._limit.size} bytes{of}")

"""Content-Encoding: streaming decompression within a bound."""

import zlib
from typing import Protocol

ACCEPTED = "gzip, deflate"  #: codings that are decoded; none is requested


class UnknownEncoding(Exception):
    """The body is encoded in a way that cannot be undone here."""


class BrokenEncoding(Exception):
    """The body does not match its encoding, or ends too early."""


class TooLarge(Exception):
    """The body is larger than the bound, once it is undone."""


class Decoder(Protocol):
    """Undoes an encoding."""

    def feed(self, piece: bytes) -> bytes:
        """Decompress a piece of the body. Raises BrokenEncoding, TooLarge."""

    def finish(self) -> None:
        """The body has ended. Raises BrokenEncoding when it should not have."""


def decoder(encoding: str | None, limit: int) -> Decoder:
    """
    Decoder for a body with this `Content-Encoding`, of at most `limit` bytes.

    Raises:
        UnknownEncoding: The encoding is not supported.
    """
    names = [name.strip().lower() for name in (encoding or "").split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return _Plain(limit)
    if len(names) == 1 and names[0] in ("gzip", "x-gzip", "deflate"):
        return _Inflating(limit)
    raise UnknownEncoding(f"Content-Encoding {encoding} cannot be undone here, only {ACCEPTED}")


class _Plain:
    def __init__(self, limit: int) -> None:
        self._left = limit

    def feed(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge
        return piece

    def finish(self) -> None:
        return


class _Inflating:
    """gzip with all its members, zlib, and the bare deflate that some servers send."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._has_begun = False

    def feed(self, piece: bytes) -> bytes:
        undone = bytearray()
        while piece:
            undone += self._inflate(piece)
            piece = self._inflater.unconsumed_tail
            if self._inflater.eof:
                piece = self._inflater.unused_data.lstrip(b"\0")
                if piece:
                    self._inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        return bytes(undone)

    def _inflate(self, piece: bytes) -> bytes:
        try:
            undone = self._inflater.decompress(piece, self._left + 1)
        except zlib.error as error:
            if self._has_begun:
                raise BrokenEncoding(f"the body cannot be inflated: {error}") from error
            self._inflater, self._has_begun = zlib.decompressobj(wbits=-zlib.MAX_WBITS), True
            return self._inflate(piece)
        self._has_begun = True
        self._left -= len(undone)
        if self._left < 0:
            raise TooLarge
        return undone

    def finish(self) -> None:
        if not self._inflater.eof:
            raise BrokenEncoding("the body ends too early")

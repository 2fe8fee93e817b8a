"""
PNG chunks: a picture's pixels without the text, comments and checksums that decoders trip over.

Format: https://www.w3.org/TR/png-3/#5DataRep. Ancillary chunks other than those kept here change no
pixel, so a broken or huge one is no reason to refuse a picture.
"""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_PIXELS = frozenset(
    {b"tRNS"}
)  #: an ancillary chunk that changes pixels: kept whatever its checksum
_HINTS = frozenset(
    {b"iCCP", b"sRGB", b"eXIf"}
)  #: colours and orientation: kept where they are whole
_MAX_PROFILE = 1024 * 1024  #: bytes of a colour profile, unpacked; Pillow refuses more
_CHUNK_FRAME = 12  #: bytes of a chunk beside its data: length, name, checksum


def essential(content: bytes) -> bytes:
    """
    The picture with critical chunks, transparency, colour profile and orientation only.

    A bad checksum of a critical chunk and a missing end stay as they are: the decoder judges them.
    """
    kept: list[bytes | memoryview] = [SIGNATURE]
    for name, data, checksum in _chunks(content):
        if name in _CRITICAL:
            kept += _chunk(name, data, checksum)
        elif name in _PIXELS or (name in _HINTS and _is_usable(name, data, checksum)):
            kept += _chunk(name, data, _checksum(name, data))
        if name == b"IEND":
            break
    return b"".join(kept)


def is_animated(content: bytes) -> bool:
    """The picture is an APNG of more than one frame; decoders that know none show one frame."""
    return any(
        name == b"acTL" and int.from_bytes(data[:4]) > 1 for name, data, _ in _chunks(content)
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Name, data and checksum of each chunk. A last one that is cut off has what is there of it."""
    view, at = memoryview(content), len(SIGNATURE)
    while at + 8 <= len(view):
        length, name = struct.unpack_from(">I4s", view, at)
        data = view[at + 8 : at + 8 + length]
        end = at + 8 + length
        checksum = struct.unpack_from(">I", view, end)[0] if end + 4 <= len(view) else 0
        yield name, data, checksum
        at += length + _CHUNK_FRAME


def _chunk(name: bytes, data: memoryview, checksum: int) -> tuple[bytes, memoryview, bytes]:
    return struct.pack(">I4s", len(data), name), data, struct.pack(">I", checksum)


def _checksum(name: bytes, data: memoryview) -> int:
    return zlib.crc32(data, zlib.crc32(name))


def _is_usable(name: bytes, data: memoryview, checksum: int) -> bool:
    if checksum != _checksum(name, data):
        return False
    if name != b"iCCP":
        return name != b"sRGB" or len(data) == 1
    _, _, packed = bytes(data).partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed[1:], _MAX_PROFILE)
    except zlib.error:
        return False
    return not unpacker.unconsumed_tail

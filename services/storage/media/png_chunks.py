"""
PNG chunks: a picture's pixels without the text, comments and checksums that decoders trip over.

Format: https://www.w3.org/TR/png-3/#5DataRep. Ancillary chunks other than those kept here change no
pixel, so a broken or huge one is no reason to refuse a picture.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

from isal.isal_zlib import crc32

from services.storage.media.png_pixels import Part, unpacked

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


class _Chunk(NamedTuple):
    name: bytes
    data: list[Part]
    checksum: int


def essential(content: bytes) -> bytes:
    """
    The picture with critical chunks, transparency, colour profile and orientation only, and its pixels
    without compression where `png_pixels` can undo it.

    A bad checksum of a critical chunk and a missing end stay as they are: the decoder judges them.
    """
    chunks = _with_unpacked_pixels(list(_essential(content)))
    return b"".join([SIGNATURE, *(part for each in chunks for part in _framed(each))])


def _essential(content: bytes) -> Iterator[_Chunk]:
    for name, data, checksum in _chunks(content):
        if name in _CRITICAL:
            yield _Chunk(name, [data], checksum)
        elif name in _PIXELS or (name in _HINTS and _is_usable(name, data, checksum)):
            yield _Chunk(name, [data], _checksum(name, data))
        if name == b"IEND":
            break


def _with_unpacked_pixels(chunks: list[_Chunk]) -> list[_Chunk]:
    """One run of IDAT chunks becomes one chunk. Of several runs decoders look at the first only."""
    names = [each.name for each in chunks]
    count = names.count(b"IDAT")
    begin = names.index(b"IDAT") if count else 0
    end = begin + count
    is_one_run = count > 0 and names[begin:end] == [b"IDAT"] * count
    if not is_one_run or names[0] != b"IHDR" or names.count(b"IHDR") > 1:
        return chunks
    packed = [part for each in chunks[begin:end] for part in each.data]
    pixels = unpacked(chunks[0].data[0], packed)
    if pixels is None:
        return chunks
    return [*chunks[:begin], _Chunk(b"IDAT", pixels, _checksum(b"IDAT", *pixels)), *chunks[end:]]


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


def _framed(chunk: _Chunk) -> list[Part]:
    length = sum(map(len, chunk.data))
    return [struct.pack(">I4s", length, chunk.name), *chunk.data, struct.pack(">I", chunk.checksum)]


def _checksum(name: bytes, *data: Part) -> int:
    return reduce(lambda checksum, part: crc32(part, checksum), data, crc32(name))


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

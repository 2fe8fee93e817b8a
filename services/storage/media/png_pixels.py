"""
PNG pixels: decompressed by ISA-L, in half of the time that Pillow takes for them row by row.

Pillow then gets them in blocks of zlib without compression. What is not decompressed to exactly the bytes
that the picture's header tells stays as it is: Pillow judges it.

Formats: https://www.w3.org/TR/png-3/#11IHDR and RFC 1950, RFC 1951 section 3.2.4.
"""

import struct
from collections.abc import Iterable, Iterator

from isal.isal_zlib import IsalError, adler32, decompressobj

_MAX_BYTES = 32 * 1024 * 1024  #: of pixels that are held here, beside Pillow's own
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  #: of a pixel, by the type of colour
_HEADER = struct.Struct(">IIBBBBB")
_BLOCK = 65535  #: bytes of a block without compression, at most
_ZLIB_HEADER = b"\x78\x01"

Part = bytes | memoryview


def unpacked(header: Part, packed: Iterable[Part]) -> list[Part] | None:
    """
    The data of all IDAT chunks as one zlib stream without compression.

    Args:
        header: Data of IHDR.
        packed: Data of each IDAT chunk.

    Returns:
        Its parts. None: the pixels are damaged, incomplete, interlaced or too many.
    """
    size = _size(header)
    if not 0 < size <= _MAX_BYTES:
        return None
    unpacker = decompressobj()
    try:
        pixels = unpacker.decompress(b"".join(packed), size)
    except IsalError:  # type: ignore[misc]  # a class, which the stubs call an instance
        return None
    is_whole = unpacker.eof and len(pixels) == size
    return list(_stored(pixels)) if is_whole else None


def _size(header: Part) -> int:
    """Bytes of the pixels with a filter byte before each row; 0 where that is another sum."""
    if len(header) != _HEADER.size:
        return 0
    width, height, depth, colour, _, _, interlace = _HEADER.unpack(header)
    if interlace or not width:
        return 0
    row = (width * depth * _SAMPLES.get(colour, 0) + 7) // 8
    return height * (1 + row) if row else 0


def _stored(pixels: bytes) -> Iterator[Part]:
    yield _ZLIB_HEADER
    view = memoryview(pixels)
    for at in range(0, len(view), _BLOCK):
        block = view[at : at + _BLOCK]
        is_last = at + _BLOCK >= len(view)
        yield struct.pack("<BHH", is_last, len(block), 0xFFFF ^ len(block))
        yield block
    yield struct.pack(">I", adler32(pixels))

"""
JPEG segments: a picture's pixels without the comments and headers that decoders trip over.

Format: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B. Application segments and comments other
than those kept here change no pixel, so a broken one is no reason to refuse a picture.
"""

from collections.abc import Iterator

SIGNATURE = b"\xff\xd8\xff"

_START = 2  #: bytes before the first segment
_FILL, _COMMENT = 0xFF, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_LENGTHLESS = frozenset({0x01, *range(0xD0, 0xDB)})  #: and the scan, after which pixels follow
#: density, orientation, colours: what the segment begins with, and its bytes at least
_HINTS = {
    0xE0: (b"JFIF\0", 14),
    0xE1: (b"Exif\0\0", 14),
    0xE2: (b"ICC_PROFILE\0", 15),
    0xEE: (b"Adobe", 12),
}


def essential(content: bytes) -> bytes:
    """The picture with colour profile, colour transform and orientation only, where they are whole."""
    kept, at = [content[:_START]], _START
    for marker, begin, end in _segments(content):
        is_note = marker in _APPLICATION or marker == _COMMENT
        if not is_note or _is_usable(marker, content[begin + 4 : end]):
            kept.append(content[begin:end])
        at = end
    return b"".join([*kept, content[at:]])


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of each segment before the first scan; up to one that is damaged."""
    at = _START
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker = content[at + 1]
        if marker == _FILL:
            at += 1
            continue
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker in _LENGTHLESS or end < at + 4 or end > len(content):
            return
        yield marker, at, end
        at = end


def _is_usable(marker: int, body: bytes) -> bool:
    sign, least = _HINTS.get(marker, (b"", 0))
    return bool(sign) and body.startswith(sign) and len(body) >= least

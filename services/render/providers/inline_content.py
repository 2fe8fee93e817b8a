"""Inline content: data URLs and base64 in all common forms. Pure."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

_DATA = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_MIN_LENGTH = 64  #: characters of a text that may be a file, without a name that marks it as one
_ALPHABET = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")

#: how files begin that come inside responses
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\x1a\x45\xdf\xa3", b"%PDF")


def content_in(text: str, *, is_known: bool) -> bytes | None:
    """
    The bytes that a text encodes; None if it encodes none.

    Args:
        is_known: Its name marks it as base64; else it must begin as files do.
    """
    prefix = _DATA.match(text)
    if prefix:
        rest = text[prefix.end() :]
        is_base64 = ";base64" in prefix[2].lower()
        return (_decoded(rest) if is_base64 else unquote_to_bytes(rest)) or None
    if not is_known and len(text) < _MIN_LENGTH:
        return None
    content = _decoded(text)
    return content if content and (is_known or _begins_as_a_file(content)) else None


def media_type_of(text: str) -> str | None:
    """The media type that a data address names."""
    prefix = _DATA.match(text)
    return prefix[1].strip().lower() or None if prefix else None


def _decoded(text: str) -> bytes | None:
    """Base64 with line breaks or without, in either alphabet, padded or not."""
    compact = "".join(text.split())
    if "%" in compact:
        compact = unquote_to_bytes(compact).decode("ascii", "replace")
    if not _ALPHABET.fullmatch(compact):
        return None
    compact = compact.rstrip("=").translate(_TO_STANDARD)
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


_TO_STANDARD = str.maketrans("-_", "+/")


def _begins_as_a_file(content: bytes) -> bool:
    return content.startswith(_MAGIC) or content[4:8] == b"ftyp"

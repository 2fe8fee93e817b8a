"""Lenient JSON, as models write it: in a fence, after a byte order mark, inside a sentence. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

from heliograph.contracts.strict_json import refuse_constant

_FENCE = re.compile(
    r"^[ \t]*(?:```|~~~)[^\n]*\n(.*?)(?:^[ \t]*(?:```|~~~)|\Z)", re.MULTILINE | re.DOTALL
)
_COMMA = re.compile(
    r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL
)  #: a text, or a comma that ends a list
_TRIED = 50  #: places in a text where a value may begin


def decoded(data: bytes) -> str | None:
    """A text without its byte order mark; None for bytes that are not text."""
    is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def values_in(text: str) -> Iterator[Any]:
    """Possible JSON values, the likeliest first: the whole text, fenced parts, parts between words."""
    for part in (text, *_FENCE.findall(text)):
        for spelled in dict.fromkeys((part, _COMMA.sub(lambda match: match[1] or "", part))):
            yield from _value(spelled.strip(), whole=True)
    places = [match.start() for match in re.finditer(r"[{\[]", text)]
    for place in places[:_TRIED]:
        yield from _value(text[place:], whole=False)


def _value(text: str, *, whole: bool) -> Iterator[Any]:
    try:
        value, end = _decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return
    if not whole or end == len(text):
        yield value


# a model breaks lines inside of texts
_decoder = json.JSONDecoder(strict=False, parse_constant=refuse_constant)

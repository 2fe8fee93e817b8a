"""Encodable text: rejects lone surrogates, which no encoding can send."""

import math
from typing import Any
from urllib.parse import quote

from heliograph.client_errors import Unsendable
from heliograph.contracts.json_pointers import pointer_to

Path = tuple[int | str, ...]


def check_sendable(value: Any, path: Path = ()) -> None:
    """Raises Unsendable: it names the first text or number that cannot be sent."""
    if isinstance(value, str):
        check_text(value, pointer_to(path) or "the text")
    elif isinstance(value, float) and not math.isfinite(value):
        raise Unsendable(f"{pointer_to(path)}: {value} is not a JSON number")
    elif isinstance(value, dict):
        for name, member in value.items():
            check_text(str(name), f"a name in {pointer_to(path) or 'the body'}")
            check_sendable(member, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            check_sendable(member, (*path, index))


def check_text(text: str, what: str) -> None:
    """Raises Unsendable."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        character = f"character {error.start + 1} is {text[error.start]!a}"
        reason = "half of a character, or a byte that is not UTF-8"
        raise Unsendable(f"{what}: {character}, {reason}") from None


def check_key(key: str) -> None:
    """Raises Unsendable for an invalid Idempotency-Key."""
    if not key or not all("!" <= character <= "~" for character in key):
        raise Unsendable(f"the key {key!a}: it has characters between ! and ~, and at least one")


def part(text: str) -> str:
    """A name as a part of a path. Raises Unsendable."""
    check_text(text, f"the name {text!a}")
    return quote(text, safe="")

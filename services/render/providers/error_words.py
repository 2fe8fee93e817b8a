"""Texts, codes and HTTP statuses of an error. Pure."""

from typing import Any

_NOTHING = frozenset({"", "none", "null", "undefined", "about:blank"})
MAX_CODE = 256  #: characters


def meaningful_text(value: Any) -> str | None:
    """A text that is not empty or generic."""
    text = value.strip() if isinstance(value, str) else ""
    return None if text.lower() in _NOTHING else text


def error_code(value: Any) -> str | None:
    """Error code. HTTP statuses are handled elsewhere."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    word = meaningful_text(value)
    return None if word is None or is_http_status(word) else word[:MAX_CODE]


def is_http_status(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) == 3 and "1" <= word[0] <= "5"

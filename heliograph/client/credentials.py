"""Credentials of the client: the API key or token that it sends, and never shows."""

import os
import re
from pathlib import Path

from heliograph.client_errors import KeyRefused
from heliograph.contracts.access_keys import PREFIX, parse_key

KEY, KEY_FILE = "HELIOGRAPH_KEY", "HELIOGRAPH_KEY_FILE"

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  #: RFC 6750


class BearerCredentials:
    """
    An API key, or a token of the app's own making.

    Args:
        text: Default: `HELIOGRAPH_KEY`, or the content of the file that `HELIOGRAPH_KEY_FILE` names.

    Raises:
        KeyRefused: The text is not an API key, or the file cannot be read.
    """

    def __init__(self, text: str | None = None) -> None:
        key = text or os.environ.get(KEY) or _from_file(os.environ.get(KEY_FILE))
        if key and not _is_sendable(key):
            raise KeyRefused("the key is malformed: it was cut, or has a typing error")
        self._text = key

    def __bool__(self) -> bool:
        return bool(self._text)

    def headers(self) -> dict[str, str]:
        """The header of a request; none without a key."""
        return {"Authorization": f"Bearer {self._text}"} if self._text else {}


def _from_file(name: str | None) -> str | None:
    if not name:
        return None
    try:
        return Path(name).read_text().strip()
    except (OSError, ValueError) as error:
        raise KeyRefused(f"{KEY_FILE}: {name} cannot be read: {type(error).__name__}") from None


def _is_sendable(key: str) -> bool:
    if key.startswith(PREFIX):
        return parse_key(key) is not None
    return _TOKEN.fullmatch(key) is not None

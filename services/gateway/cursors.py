"""Pagination cursors, bound to the list that they continue: its project and its filters. Pure."""

import hashlib
from typing import Any

from heliograph.contracts.base64url import decode, encode
from heliograph.contracts.canonical_json import canonical
from heliograph.contracts.errors import ValidationFailed

_DIGEST = 8  #: bytes; distinguishes lists; not a security check
MAX_CURSOR = 1024  #: characters


class ListCursors:
    """
    Cursors of one list.

    Args:
        name: What is listed.
        filters: All that chooses and orders its items.
    """

    def __init__(self, name: str, filters: dict[str, Any]) -> None:
        self._digest = hashlib.sha256(canonical([name, filters])).digest()[:_DIGEST]

    def after(self, position: str | None) -> str | None:
        """The cursor of the items after a position; null at the end of the list."""
        if position is None:
            return None
        return encode(self._digest + position.encode())

    def position(self, cursor: str | None) -> str | None:
        """
        The position of a cursor; null without one.

        Raises:
            ValidationFailed: The cursor belongs to another project or other filters; restart the list.
        """
        if cursor is None:
            return None
        try:
            content = decode(cursor)
            if content.startswith(self._digest):
                return content[_DIGEST:].decode()
        except ValueError:
            pass
        reason = "is not a cursor of this list: it continues only the list of its own project and filters"
        raise ValidationFailed.at("/query/cursor", reason)

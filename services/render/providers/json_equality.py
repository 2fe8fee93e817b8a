"""Equality of JSON values: what was sent, and what a list shows of it. Pure."""

from collections.abc import Mapping
from typing import Any


def is_equal(shown: Any, sent: Any) -> bool:
    """Equality of JSON values: `1` and `true` differ, although Python has them equal."""
    match sent:
        case bool():
            return shown is sent
        case Mapping():
            return (
                isinstance(shown, Mapping)
                and shown.keys() == sent.keys()
                and all(is_equal(shown[name], value) for name, value in sent.items())
            )
        case list() | tuple():
            return (
                isinstance(shown, list)
                and len(shown) == len(sent)
                and all(map(is_equal, shown, sent))
            )
    return not isinstance(shown, bool) and bool(shown == sent)

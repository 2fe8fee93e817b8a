"""Canonical JSON and its digest: one way to write each value."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

# built once: `json.dumps` builds one for each call with options, which takes as long as a short text
_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def json_size(value: Any) -> int:
    """Bytes of JSON."""
    return len(_COMPACT.encode(value).encode(errors="replace"))


def canonical(value: Any) -> bytes:
    """JSON with one way to write each value: 1.0 is 1, and a moment is the same in every zone."""
    return _CANONICAL.encode(_plain(value)).encode()


_PLAIN = frozenset({str, int, bool, type(None)})


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list():
            return [each if type(each) in _PLAIN else _plain(each) for each in value]
        case float() if value.is_integer():
            return int(value)
        case Decimal():
            return str(value.normalize())
        case datetime():
            return value.timestamp()
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()

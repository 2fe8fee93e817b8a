"""Rate limits of providers: the time to wait after a rate limit error. Pure but for the clock."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from heliograph.runtime.clock import now
from services.render.providers.response_content import json_or_none

DEFAULT_DELAY = 5.0  #: seconds, if a provider limits the rate without a time
_MAX_DELAY = 600.0  #: seconds
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_UNIT = r"(ms|millis\w*|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)"
_PART = re.compile(rf"(\d+(?:\.\d+)?)\s*{_UNIT}(?![a-z])", re.IGNORECASE)
_DURATION = re.compile(rf"(?:{_PART.pattern}\s*)+", re.IGNORECASE)
_IN_WORDS = re.compile(
    r"(?:again in|again after|retry after|retry in|resets in|available in|wait)\s*(?:about|~)?\s*"
    rf"({_DURATION.pattern})",
    re.IGNORECASE,
)
_EPOCH = 1_000_000_000  #: a number this large is a time, in seconds since 1970
_EPOCH_MS = 1_000_000_000_000  #: or in milliseconds


def retry_after(response: httpx.Response, text: str = "") -> float:
    """
    Seconds to wait after a rate limit error: from its headers, else its body, else the sentence in it.

    Args:
        text: The provider's error text.
    """
    body = json_or_none(response)
    delays = (*_in_headers(response.headers), *_in_body(body), _in_words(text))
    return clamp_delay(next((seconds for seconds in delays if seconds is not None), DEFAULT_DELAY))


def clamp_delay(seconds: float) -> float:
    """Seconds to wait, of those that a provider asks for."""
    return min(max(seconds, 0.0), _MAX_DELAY)


def _in_headers(headers: Mapping[str, Any]) -> Iterator[float | None]:
    known = {name.lower(): str(value) for name, value in headers.items()}
    yield _number(known.get("retry-after-ms"), 0.001)
    yield _span(known.get("retry-after"))
    yield _reset(known)


def _reset(headers: Mapping[str, str]) -> float | None:
    """Time at which the exceeded limit is lifted; of several exceeded limits, the last."""
    spans = {
        name: span
        for name, value in headers.items()
        if "ratelimit" in name.replace("-", "") and "reset" in name.split("-")
        if (span := _span_of_reset(value)) is not None
    }
    left = {name: _number(headers.get(name.replace("reset", "remaining"))) for name in spans}
    hit = [span for name, span in spans.items() if left[name] == 0]
    return max(hit) if hit else min(spans.values(), default=None)


def _in_body(body: Any) -> Iterator[float | None]:
    error = body.get("error") if isinstance(body, Mapping) else None
    for each in (body, error):
        if not isinstance(each, Mapping):
            continue
        yield _number(each.get("retry_after_ms"), 0.001)
        yield _span(each.get("retry_after"))
        metadata = each.get("metadata")
        headers = metadata.get("headers") if isinstance(metadata, Mapping) else None
        yield from _in_headers(headers) if isinstance(headers, Mapping) else ()


def _in_words(text: str) -> float | None:
    """Duration in a sentence such as "Please try again in 1m30s"."""
    match = _IN_WORDS.search(text)
    return _duration(match[1]) if match else None


def _span(value: Any) -> float | None:
    """Seconds from now: a number, a duration as `1m30s`, or a time in either of two forms."""
    number = _number(value)
    if number is not None:
        return number
    text = str(value or "").strip()
    if _DURATION.fullmatch(text):
        return _duration(text)
    at_time = _time(text)
    return (at_time - now()).total_seconds() if at_time else None


def _span_of_reset(value: Any) -> float | None:
    """Seconds to wait from a value in which a large number is a point in time."""
    number = _number(value)
    if number is None or number < _EPOCH:
        return _span(value)
    return (number / 1000 if number >= _EPOCH_MS else number) - now().timestamp()


def _duration(text: str) -> float:
    return sum(float(number) * _UNITS[_short(unit)] for number, unit in _PART.findall(text))


def _short(unit: str) -> str:
    lowered = unit.lower()
    return "ms" if lowered.startswith(("ms", "milli")) else lowered[0]


def _number(value: Any, unit: float = 1.0) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number * unit if math.isfinite(number) and not isinstance(value, bool) else None


def _time(text: str) -> datetime | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(text)
        except (TypeError, ValueError):
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None

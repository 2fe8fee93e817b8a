"""Content of providers' responses: as JSON, and as people may see it, without credentials."""

import json
from typing import Any

import httpx

_EXCERPT = 4096  #: bytes

_CREDENTIALS = ("Authorization", "X-Goog-Api-Key")  #: headers
_MIN_SECRET = 8  #: characters


def json_or_none(response: httpx.Response) -> Any:
    """
    The JSON of a response; None if it is not JSON. `NaN` and `Infinity`, which servers in Python write, are
    read as null, so that the rest is not lost.
    """
    try:
        return json.loads(response.content, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def response_excerpt(response: httpx.Response) -> str:
    """The beginning of a response, for the audit."""
    return legible_content(response)[:_EXCERPT].decode("utf-8", "replace")


def legible_content(response: httpx.Response) -> bytes:
    """A response as people may see it: some servers repeat the credentials that they were sent."""
    content = response.content
    for secret in _credentials(response):
        content = content.replace(secret, b"[credentials]")
    return content


def _credentials(response: httpx.Response) -> list[bytes]:
    try:
        sent = response.request.headers
    except RuntimeError:  # it has no request
        return []
    credentials = (sent.get(name, "").rpartition(" ")[2].encode() for name in _CREDENTIALS)
    return [secret for secret in credentials if len(secret) >= _MIN_SECRET]

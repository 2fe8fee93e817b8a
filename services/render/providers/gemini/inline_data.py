"""Inline data of Gemini: bytes of outputs as base64, in the one form that Google's client reads."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx

from services.render.providers.inline_content import content_in
from services.render.providers.response_content import json_or_none

#: base64 in forms that Google's client does not read: a `data:` address, lines, blanks
UNREAD = re.compile(rb'"data"\s*:\s*"(?:data:|[A-Za-z0-9+/_-]*(?:\\[nrt]| ))', re.IGNORECASE)


def with_plain_base64(response: httpx.Response) -> httpx.Response:
    """The response with its outputs in the form that Gemini itself uses."""
    body = json_or_none(response)
    for blob in _blobs(body):
        content = content_in(blob["data"], is_known=True)
        if content is not None:
            blob["data"] = base64.b64encode(content).decode()
    plain = httpx.Response(
        response.status_code, headers=response.headers, content=json.dumps(body).encode()
    )
    plain.request = response.request
    return plain


def _blobs(body: Any) -> Iterator[dict[str, Any]]:
    """Objects with the bytes of outputs."""
    for candidate in _objects(body, "candidates"):
        for part in _objects(candidate.get("content"), "parts"):
            blob = part.get("inlineData")
            if isinstance(blob, dict) and isinstance(blob.get("data"), str):
                yield blob


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    listed = value.get(name) if isinstance(value, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []

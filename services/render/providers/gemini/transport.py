"""The wire to Gemini: what Google's client would read as it likes, errors, leaves it unread."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx

from services.render.providers.error_report import error_within
from services.render.providers.http_errors import HttpErrorStatus
from services.render.providers.inline_content import content_in
from services.render.providers.no_retry_transport import NoRetryTransport
from services.render.providers.response_content import json_or_none

_MAX_ERROR = 64 * 2**10  #: bytes of an answer that claims to be good and is an error
#: base64 in forms that Google's client does not read: a `data:` address, lines, blanks
_UNREAD = re.compile(rb'"data"\s*:\s*"(?:data:|[A-Za-z0-9+/_-]*(?:\\[nrt]| ))', re.IGNORECASE)


class GeminiTransport(NoRetryTransport):
    """Carries the questions of one client."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ConnectFailed, ResponseLost, and HttpErrorStatus for every answer that is an error."""
        answer = await super().handle_async_request(request)
        if not answer.is_success or _is_error(answer):
            raise HttpErrorStatus(answer)
        return _with_plain_base64(answer) if _UNREAD.search(answer.content) else answer


def _is_error(answer: httpx.Response) -> bool:
    if len(answer.content) > _MAX_ERROR:
        return False
    body = json_or_none(answer)
    report = error_within(body)
    return report is not None and report.is_error and not body.get("candidates")


def _with_plain_base64(answer: httpx.Response) -> httpx.Response:
    """The same answer, its outputs as Gemini itself writes them."""
    body = json_or_none(answer)
    for blob in _blobs(body):
        content = content_in(blob["data"], is_known=True)
        if content is not None:
            blob["data"] = base64.b64encode(content).decode()
    plain = httpx.Response(
        answer.status_code, headers=answer.headers, content=json.dumps(body).encode()
    )
    plain.request = answer.request
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

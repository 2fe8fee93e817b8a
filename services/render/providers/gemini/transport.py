"""The wire to Gemini: what Google's client would read as it likes, errors, leaves it unread."""

import httpx

from services.render.providers.error_report import error_within
from services.render.providers.gemini.inline_data import UNREAD, with_plain_base64
from services.render.providers.http_errors import HttpErrorStatus
from services.render.providers.no_retry_transport import NoRetryTransport
from services.render.providers.response_content import json_or_none

_MAX_ERROR = 64 * 2**10  #: bytes of an answer that claims to be good and is an error


class GeminiTransport(NoRetryTransport):
    """Carries the questions of one client."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ConnectFailed, ResponseLost, and HttpErrorStatus for every answer that is an error."""
        answer = await super().handle_async_request(request)
        if not answer.is_success or _is_error(answer):
            raise HttpErrorStatus(answer)
        return with_plain_base64(answer) if UNREAD.search(answer.content) else answer


def _is_error(answer: httpx.Response) -> bool:
    if len(answer.content) > _MAX_ERROR:
        return False
    body = json_or_none(answer)
    report = error_within(body)
    return report is not None and report.is_error and not body.get("candidates")

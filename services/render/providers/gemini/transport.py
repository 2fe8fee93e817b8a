"""HTTP transport to Gemini: raises error responses itself, before Google's client interprets them."""

import httpx

from services.render.providers.error_report import error_within
from services.render.providers.gemini.inline_data import UNREAD, with_plain_base64
from services.render.providers.http_errors import HttpErrorStatus
from services.render.providers.no_retry_transport import NoRetryTransport
from services.render.providers.response_content import json_or_none

_MAX_ERROR = 64 * 2**10  #: bytes of a response that claims to be good and is an error


class GeminiTransport(NoRetryTransport):
    """Carries the requests of one client."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ConnectFailed, ResponseLost, and HttpErrorStatus for every response that is an error."""
        response = await super().handle_async_request(request)
        if not response.is_success or _is_error(response):
            raise HttpErrorStatus(response)
        return with_plain_base64(response) if UNREAD.search(response.content) else response


def _is_error(response: httpx.Response) -> bool:
    if len(response.content) > _MAX_ERROR:
        return False
    body = json_or_none(response)
    report = error_within(body)
    return report is not None and report.is_error and not body.get("candidates")

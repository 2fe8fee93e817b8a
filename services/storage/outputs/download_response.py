"""Response to a download: its status, its size, and its body without compression."""

import httpx

from heliograph.contracts.errors import OutputExpired, OutputRefused, OutputTooLarge, StorageFailed
from heliograph.runtime.http.content_encoding import (
    BrokenEncoding,
    TooLarge,
    UnknownEncoding,
    decoder,
)
from services.storage.content import Body, BodyBuffer

_EXPIRED_STATUSES = frozenset({401, 403, 404, 410})
_RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


class Retryable(Exception):
    """A transient failure."""


class OutputMissing(OutputExpired):
    """The provider does not have the output, or does not have it yet."""


class FetchRefused(StorageFailed):
    """The host refuses the output permanently."""


def check_response(response: httpx.Response, limit: int) -> None:
    if response.status_code in _EXPIRED_STATUSES:
        raise OutputMissing(f"the provider answered {response.status_code}")
    if response.status_code in _RETRYABLE_STATUSES:
        raise Retryable(f"the provider answered {response.status_code}")
    if not response.is_success:
        raise FetchRefused(f"the provider answered {response.status_code}")
    if int(response.headers.get("Content-Length", 0)) > limit:
        raise OutputTooLarge(f"the output is larger than {limit} bytes")


async def receive_body(response: httpx.Response, buffer: BodyBuffer, limit: int) -> Body:
    """Receives the body and undoes compression; the limit applies to the decompressed size."""
    size = 0
    try:
        body = decoder(response.headers.get("Content-Encoding"), limit)
        with buffer:
            async for chunk in response.aiter_raw():
                size += len(chunk)
                buffer.write(body.feed(chunk))
        body.finish()
    except TooLarge:
        raise OutputTooLarge(f"the output is larger than {limit} bytes") from None
    except UnknownEncoding as error:
        raise OutputRefused(str(error)) from None
    except BrokenEncoding as error:
        raise Retryable(str(error)) from None
    announced = response.headers.get("Content-Length")
    if announced is not None and size != int(announced):
        raise Retryable(f"{size} of {announced} bytes came")
    return buffer.body()

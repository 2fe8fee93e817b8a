"""Request bodies: bounded in size and time, parsed as strict JSON, validated."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from heliograph.contracts.errors import BodyTooLarge, MalformedRequest, ValidationFailed
from heliograph.contracts.strict_json import parse_json
from heliograph.runtime.http.bounded_read import read_bounded
from heliograph.runtime.http.validation import MAX_DEPTH, Shape, reject_unstorable, validate_as

MAX_BODY = 1024 * 1024  #: bytes of a JSON body
LARGE_BODY = 64 * 1024  #: bytes; a larger one is not checked on the event loop
BODY_TIMEOUT = 10.0  #: seconds for a body to arrive; the server itself waits for ever

_AT_LEISURE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-body")


async def read_body(request: Request, shape: type[Shape]) -> Shape:
    """
    The request's body, checked.

    Raises:
        MalformedRequest: The body is empty, not JSON, or arrives too slowly.
        BodyTooLarge: The body has more than `MAX_BODY` bytes.
        ValidationFailed: The body does not match `shape`; `errors` point at each mistake.
    """
    return await checked(await read_bytes(request), shape)


async def read_bytes(request: Request) -> bytes:
    """
    The request's body as it came.

    Raises:
        MalformedRequest: The body arrives too slowly.
        BodyTooLarge: The body has more than `MAX_BODY` bytes.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await _receive(request)
    except TimeoutError:
        raise MalformedRequest(f"The body did not arrive within {BODY_TIMEOUT:g} s.") from None
    except ClientDisconnect:  # the client is gone
        raise MalformedRequest("The body ended too early.") from None


async def _receive(request: Request) -> bytes:
    """The body, never more than we take of it, whatever length it announces."""
    too_large = BodyTooLarge(f"at most {MAX_BODY} bytes")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MAX_BODY:
        raise too_large
    return await read_bounded(request.stream(), MAX_BODY, too_large)


async def checked(body: bytes, shape: type[Shape]) -> Shape:
    """The validated body; large ones are validated one at a time in a thread, to keep the event loop free."""
    if len(body) <= LARGE_BODY:
        return validate_body(body, shape)
    return await asyncio.get_running_loop().run_in_executor(_AT_LEISURE, _check_large, body, shape)


def _check_large(body: bytes, shape: type[Shape]) -> Shape:
    """The collector would look at every new list again and again, and hold up all threads."""
    gc.disable()
    try:
        return validate_body(body, shape)
    finally:
        gc.enable()


def validate_body(body: bytes, shape: type[Shape]) -> Shape:
    """JSON as a shape; every mistake has a pointer from the root of the body."""
    content = _parse(body)
    if not isinstance(content, dict):
        raise ValidationFailed.at("", "the body must be a JSON object")
    reject_unstorable(content)
    return validate_as(content, shape)


def _parse(body: bytes) -> Any:
    if not body.strip():
        raise MalformedRequest("The body is empty.")
    try:
        return parse_json(body.decode("utf-8"))
    except RecursionError:
        raise ValidationFailed.at("", f"more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise MalformedRequest(f"The body is not JSON: {error}") from None

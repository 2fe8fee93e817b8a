"""Request bodies on their way to the store: spooled to a file, within bounds of size and time."""

import asyncio
from pathlib import Path

from fastapi import Request
from starlette.requests import ClientDisconnect

from heliograph.contracts.errors import BodyTooLarge, MalformedRequest
from services.storage.stores import Content

_PATIENCE = 600.0  #: seconds for a body to arrive


async def receive(request: Request, target: Path, limit: int) -> Content:
    """
    Write a body to a file.

    Raises:
        BodyTooLarge: It is, or says it is, longer than `limit` bytes.
        MalformedRequest: It is too slow, or ended too early.
    """
    _check_announced(request, limit)
    try:
        async with asyncio.timeout(_PATIENCE):
            await _copy(request, target, limit)
    except TimeoutError:
        raise MalformedRequest(f"The body did not arrive within {_PATIENCE:g} s.") from None
    except ClientDisconnect:  # the client is gone and does not read this
        raise MalformedRequest("The body ended too early.") from None
    return await asyncio.to_thread(Content.of, target)


def _check_announced(request: Request, limit: int) -> None:
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge(f"at most {limit} bytes")


async def _copy(request: Request, target: Path, limit: int) -> None:
    size = 0
    with target.open("wb") as stream:  # local, and a chunk at a time
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(f"at most {limit} bytes")
            stream.write(chunk)

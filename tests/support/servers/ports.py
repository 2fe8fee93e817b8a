"""Ports nobody listens on, and waiting until somebody does."""

import asyncio
import fcntl
import http.client
import os
import random
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from sqlalchemy import NullPool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.timeouts import TIMEOUT

# Test processes that run side by side, of one test run or of several, must not be given the same
# port: each owns a block of ports by a file lock, below those that systems give to connections.
_BLOCK = 500  #: ports of one test process
_BLOCKS = range(10_000, 32_000, _BLOCK)
_LOCKS = Path(tempfile.gettempdir()) / f"heliograph-test-ports-{os.getuid()}"


def _own_block() -> tuple[int, BinaryIO]:
    """The first port of a block that no other process owns, and its lock, held while it is open."""
    _LOCKS.mkdir(mode=0o700, exist_ok=True)
    for first in random.sample(_BLOCKS, len(_BLOCKS)):
        lock = (_LOCKS / str(first)).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return first, lock
    raise RuntimeError(f"all {len(_BLOCKS)} blocks of test ports are in use, see {_LOCKS}")


_FIRST, _lock = _own_block()
_next = {"port": _FIRST}


def free_port() -> int:
    """A port nobody listens on right now. The same is not given again for a long time."""
    return free_row(1, 1)


def free_row(count: int, stride: int) -> int:
    """The first of so many ports, each `stride` above the one before, all free right now."""
    length = stride * (count - 1) + 1
    while True:
        first = _next.pop("port", _FIRST)
        if first + length > _FIRST + _BLOCK:
            first = _FIRST
        _next["port"] = first + length
        if all(_is_free(port) for port in range(first, first + length, stride)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def until_nats_ready(url: str, *, seconds: float = TIMEOUT) -> None:
    """Until there is a NATS server. Raises TimeoutError."""
    _until(_is_nats, url, seconds)


def until_s3_ready(url: str, *, seconds: float = TIMEOUT) -> None:
    """Until there is a store, and it has finished its start. Raises TimeoutError."""
    _until(_is_s3, url, seconds)


def until_postgres_ready(url: str, *, seconds: float = TIMEOUT) -> None:
    """Until it lets us in. Raises TimeoutError."""
    _until(lambda url: asyncio.run(_is_postgres(url)), url, seconds)


def _until(is_ready: Callable[[str], bool], url: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_ready(url):
        if time.monotonic() > end:
            raise TimeoutError(f"nobody answers at {url}")
        time.sleep(0.02)


def _is_nats(url: str) -> bool:
    """It greets. A connection alone proves nothing: a container's port is open before its server."""
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname, address.port or 4222), 1) as greeted:
            return greeted.recv(5) == b"INFO "
    except OSError:
        return False


def _is_s3(url: str) -> bool:
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=1)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def _is_postgres(url: str) -> bool:
    """It lets us in. It greets before, while it starts."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect():
            return True
    except (SQLAlchemyError, OSError):
        return False

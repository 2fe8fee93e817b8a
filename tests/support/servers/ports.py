"""Ports nobody listens on, and waiting until somebody does."""

import http.client
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

_PATIENCE = 15.0  #: seconds for a server to answer
_PORTS = 2**16


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_row(count: int, stride: int) -> int:
    """The first of so many ports, each `stride` above the one before, all free right now."""
    while True:
        first = free_port()
        if first + stride * count < _PORTS and all(
            _is_free(first + stride * n) for n in range(count)
        ):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def until_nats_answers(url: str, *, seconds: float = _PATIENCE) -> None:
    """Until there is a NATS server. Raises TimeoutError."""
    _until(_is_nats, url, seconds)


def until_s3_answers(url: str, *, seconds: float = _PATIENCE) -> None:
    """Until there is a store, and it has finished its start. Raises TimeoutError."""
    _until(_is_s3, url, seconds)


def _until(answers: Callable[[str], bool], url: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not answers(url):
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

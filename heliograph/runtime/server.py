"""HTTP server process: socket, pid file, and graceful shutdown."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from heliograph.runtime.file_lock import lock
from heliograph.runtime.http.connection_limits import WebSocketProtocol, http_protocol
from heliograph.runtime.logs import set_up_logs
from heliograph.runtime.renamed_settings import deprecated_variables
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import CANNOT_START, StartupError

log = structlog.get_logger()

MAX_FRAME = 16 * 1024  #: bytes of a WebSocket frame from a client
HTTP_GRACE = (
    3  #: seconds for HTTP requests in flight; the rest of the grace period is for jobs in progress
)
#: seconds in which a connection may be used again. HTTP clients keep theirs for up to five (httpx, and Node four):
#: one that the server closes first may take a request with it
KEEP_ALIVE = 8
#: new objects until the young ones are collected, and of those passes until older ones are
_GARBAGE = (10_000, 20, 20)


class PortTaken(StartupError):
    """Another process listens on the port."""


def serve(service: str, settings: ServiceSettings, create: Callable[[], FastAPI]) -> None:
    """
    Run a service until SIGTERM or SIGINT, then drain.

    Prints one line with the address it listens on: port 0 in the settings binds a free one.
    """
    set_up_logs(settings, service)
    if settings.otlp_endpoint:
        _export_traces(settings.otlp_endpoint, service)
    for old, new in deprecated_variables(type(settings)).items():
        log.warning("Deprecated setting", setting=old, use=new)
    settings.folder.make_private()
    port: int = getattr(settings, f"{service}_port")
    try:
        app = create()
        listener = listen(settings.host, port)
    except StartupError as error:
        log.critical("Service cannot start", reason=str(error))
        sys.exit(CANNOT_START)
    freeze_imports()
    with listener, pid_file(settings, service):
        address, bound = listener.getsockname()[:2]
        sys.stdout.write(f"{service} listening on http://{address}:{bound}\n")
        sys.stdout.flush()
        # uvloop is a little faster, but writing to a connection that is gone is a RuntimeError there,
        # which neither nats-py nor we could tell from a bug
        asyncio.run(_run(app, listener, settings))


def _export_traces(endpoint: str, service: str) -> None:
    """Ends the process where the packages are missing."""
    try:
        from heliograph.runtime.trace_export import export_traces
    except ImportError as error:
        log.critical(
            "Service cannot start", reason=f"HELIOGRAPH_OTLP_ENDPOINT needs the extra otel: {error}"
        )
        sys.exit(CANNOT_START)
    export_traces(endpoint, service)


def freeze_imports() -> None:
    """
    Exclude imported modules from garbage collection: each full pass over them takes 35 ms.

    It may be disabled until then: a sixth of the time to start would be spent on such passes.
    What comes later is collected less often than by default: what requests in hand are made of lives until
    their responses, and looking through it every 700 new objects takes a tenth of a busy gateway's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    gc.enable()


def listen(host: str, port: int) -> socket.socket:
    """
    A listening socket.

    Raises:
        PortTaken: Another process uses the port; the operator must choose another one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # said, because asyncio spares only sockets that say they are TCP the delays of Nagle's algorithm
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"{host}:{port}: {error.strerror}") from error
    listener.listen(2048)
    return listener


@contextmanager
def pid_file(settings: ServiceSettings, service: str) -> Iterator[Path]:
    """
    Hold `<service>.pid`, or `<service>-2.pid` and so on where others do.

    The file is locked as long as the process lives, so a stale one is known by its lock.
    """
    names = (service if number == 1 else f"{service}-{number}" for number in count(1))
    while True:
        file = settings.folder.pid_file(next(names))
        handle = lock(file, os.O_RDWR | os.O_CREAT)
        if handle is not None:
            break
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    try:
        yield file
    finally:
        with suppress(FileNotFoundError):
            file.unlink()
        os.close(handle)


class _Server(uvicorn.Server):
    """A server that ends by returning, so that its caller can clean up."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        yield

    def _on_signal(self, number: int) -> None:
        """The first drains, however long that takes; the second ends at once."""
        if self.should_exit:
            log.warning("Process ended at once by a second signal")
            os._exit(128 + number)
        self.handle_exit(number, None)


async def _run(app: FastAPI, listener: socket.socket, settings: ServiceSettings) -> None:
    config = uvicorn.Config(
        app,
        http=http_protocol(settings),
        ws=WebSocketProtocol,
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=HTTP_GRACE,
    )
    await _Server(config).serve(sockets=[listener])

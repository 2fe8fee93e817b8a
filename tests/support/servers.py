"""Real servers for tests: a NATS server and an S3 server on free ports, gone when the tests are."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from deploy.local.processes import NotInstalled, Process, nats_server, s3_server
from heliograph.runtime.settings import ServiceSettings

_PATIENCE = 15.0  #: seconds for a server to listen


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server program, and the settings that lead to it."""

    settings: ServiceSettings
    process: Process
    port: int
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.settings.folder.log_file(self.process.name).open("ab") as log:
            self.running = subprocess.Popen(
                self.process.command,
                env={**os.environ, **self.process.environment},
                stdout=log,
                stderr=log,
            )
        _wait_for(self.port)

    def kill(self) -> None:
        """`kill -9`."""
        if self.running:
            self.running.kill()
            self.running.wait()


@contextmanager
def nats_running(home: Path) -> Iterator[Server]:
    """A NATS server with an empty store."""
    settings = ServiceSettings(
        home=home, nats_port=free_port(), nats_monitor_port=free_port(), events_max_bytes=2**28
    )
    with _running(settings, nats_server, settings.nats_port) as server:
        yield server


@contextmanager
def s3_running(home: Path) -> Iterator[Server]:
    """An S3 server without a bucket."""
    settings = ServiceSettings(home=home, s3_port=free_port())
    with _running(settings, s3_server, settings.s3_port) as server:
        yield server


@contextmanager
def _running(
    settings: ServiceSettings, process: Callable[[ServiceSettings], Process], port: int
) -> Iterator[Server]:
    try:
        server = Server(settings, process(settings), port)
    except NotInstalled as error:
        missing(str(error))
    server.start()
    try:
        yield server
    finally:
        server.kill()


def missing(what: str) -> NoReturn:
    """Skips on a laptop, fails in CI."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def _wait_for(port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")

"""Servers as processes of this machine: the bundled programs, and MinIO where it is named."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.processes import NotInstalled, Process, nats_server, s3_server
from heliograph.runtime.settings import ServiceSettings
from tests.support.servers.ports import free_port, until_nats_ready, until_s3_ready
from tests.support.servers.server import EVENTS_MAX_BYTES, missing


@dataclass
class Program:
    """A `Server` that is a process."""

    settings: ServiceSettings
    process: Process
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.settings.folder.log_file(self.process.name).open("ab") as log:
            self.running = subprocess.Popen(
                self.process.command,
                env={**os.environ, **self.process.environment},
                stdout=log,
                stderr=log,
            )
        if self.settings.s3_endpoint:
            until_s3_ready(self.settings.s3_endpoint)
        else:
            until_nats_ready(self.settings.nats)

    def kill(self) -> None:
        if self.running:
            self.running.kill()
            self.running.wait()


@contextmanager
def nats_program(home: Path) -> Iterator[Program]:
    """The bundled NATS server, with an empty store."""
    settings = ServiceSettings(
        home=home,
        nats_port=free_port(),
        events_max_bytes=EVENTS_MAX_BYTES,
    )
    with _running(settings, nats_server) as server:
        yield server


@contextmanager
def s3_program(home: Path, minio: Path | None) -> Iterator[Program]:
    """The bundled S3 server, or MinIO, without a bucket."""
    port = free_port()
    access_key, secret_key = ServiceSettings(home=home).folder.s3_credentials()
    settings = ServiceSettings(
        home=home,
        s3_port=port,
        s3_internal_port=free_port(),
        s3_endpoint=f"http://127.0.0.1:{port}",
        s3_access_key=access_key,
        s3_secret_key=secret_key,
    )
    with _running(settings, minio_server(minio) if minio else s3_server) as server:
        yield server


def minio_server(program: Path) -> Callable[[ServiceSettings], Process]:
    """MinIO with its data at home, and our credentials."""
    if not program.is_file():
        pytest.fail(f"HELIOGRAPH_TEST_MINIO: there is no program at {program}", pytrace=False)

    def process(settings: ServiceSettings) -> Process:
        access_key, secret_key = settings.folder.s3_credentials()
        folder = settings.folder.folder("s3")
        command = [str(program), "server", "--quiet", "--address", f"127.0.0.1:{settings.s3_port}"]
        secrets = {
            "MINIO_ROOT_USER": access_key,
            "MINIO_ROOT_PASSWORD": secret_key.get_secret_value(),
            "MINIO_BROWSER": "off",
        }
        return Process("s3", [*command, str(folder)], secrets)

    return process


@contextmanager
def _running(
    settings: ServiceSettings, process: Callable[[ServiceSettings], Process]
) -> Iterator[Program]:
    try:
        server = Program(settings, process(settings))
    except NotInstalled as error:
        missing(str(error))
    server.start()
    try:
        yield server
    finally:
        server.kill()

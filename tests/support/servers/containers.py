"""Servers in containers, where a Docker daemon answers and has the image or can pull it."""

import gc
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import docker
from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from deploy.local.processes import nats_configuration, nats_variables
from heliograph.runtime.data_dir import NatsCredentials
from heliograph.runtime.settings import ServiceSettings
from tests.support.servers.ports import (
    free_port,
    until_nats_ready,
    until_postgres_ready,
    until_s3_ready,
)
from tests.support.servers.server import EVENTS_MAX_BYTES

_MAX_STORE = 16 * 2**30  #: bytes
_PROBE = 0.5  #: seconds for a daemon to connect, and to answer
_ASK = 5  #: seconds for a daemon to find an image at its registry
_PULL = 180  #: seconds to pull one

testcontainers_config.ryuk_disabled = True  # its cleaner is one more image to pull


@dataclass
class Container:
    """A `Server` in a container, on ports that stay the same over its lives."""

    settings: ServiceSettings
    container: DockerContainer

    def start(self) -> None:
        self.container.get_wrapped_container().start()
        self.until_ready()

    def kill(self) -> None:
        self.container.get_wrapped_container().kill()

    def until_ready(self) -> None:
        if self.settings.s3_endpoint:
            until_s3_ready(self.settings.s3_endpoint)
        else:
            until_nats_ready(self.settings.nats)


@cache
def why_not(image: str) -> str | None:
    """Why there can be no container of an image; None when there can. Asked once."""
    client = _daemon()
    if client is None:
        return "no Docker daemon answers"
    try:
        _obtain(client, image)
    except (DockerException, RequestException, TimeoutError) as error:
        return f"image {image} is neither here nor to be pulled ({type(error).__name__})"
    finally:
        client.close()
    return None


def _daemon() -> docker.DockerClient | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it forgets sockets nobody answered on
        with suppress(DockerException, RequestException):
            return DockerClient(timeout=_PROBE).client
        gc.collect()
    return None


def _obtain(client: docker.DockerClient, image: str) -> None:
    try:
        client.images.get(image)
    except ImageNotFound:
        client.api.timeout = _ASK
        client.images.get_registry_data(image)  # fails soon where a pull would hang
        _pull(client, image)


def _pull(client: docker.DockerClient, image: str) -> None:
    end = time.monotonic() + _PULL
    client.api.timeout = _PULL
    for _ in client.api.pull(image, stream=True):
        if time.monotonic() > end:
            raise TimeoutError(f"pulling {image} takes too long")
    client.images.get(image)


@contextmanager
def nats_container(home: Path, image: str) -> Iterator[Container]:
    """A NATS server with our configuration and an empty store."""
    container = _on_ports(DockerContainer(image), 4222, 8222)
    own = ServiceSettings(home=home)
    container.with_copy_into_container(nats_configuration(own), "/heliograph.conf")
    container.with_copy_into_container(own.folder.nats_users_file, "/nats-users.conf")
    credentials = own.folder.nats_credentials()
    for name, value in nats_variables(credentials, _MAX_STORE).items():
        container.with_env(name, value)
    container.with_command(
        ["--config", "/heliograph.conf", "--http_port", "8222", "--store_dir", "/data"]
    )
    with container:
        settings = ServiceSettings(
            home=home,
            nats_url=f"nats://{_login(credentials)}@{_address(container, 4222)}",
            nats_monitor_url=f"http://{_address(container, 8222)}",
            events_max_bytes=EVENTS_MAX_BYTES,
        )
        yield _ready(Container(settings, container))


@contextmanager
def s3_container(home: Path, image: str) -> Iterator[Container]:
    """MinIO without a bucket."""
    access_key, secret_key = ServiceSettings(home=home).folder.s3_credentials()
    container = _on_ports(DockerContainer(image), 9000)
    container.with_env("MINIO_ROOT_USER", access_key)
    container.with_env("MINIO_ROOT_PASSWORD", secret_key.get_secret_value())
    container.with_command(["server", "/data"])
    with container:
        settings = ServiceSettings(
            home=home,
            s3_endpoint=f"http://{_address(container, 9000)}",
            s3_access_key=access_key,
            s3_secret_key=secret_key,
        )
        yield _ready(Container(settings, container))


@contextmanager
def postgres_container(image: str) -> Iterator[str]:
    """PostgreSQL with nothing in it, by its address."""
    password = uuid4().hex
    container = _on_ports(DockerContainer(image), 5432)
    container.with_env("POSTGRES_PASSWORD", password)
    with container:
        place = _address(container, 5432)
        url = f"postgresql+asyncpg://postgres:{password}@{place}/postgres"
        until_postgres_ready(url)
        yield url


def _on_ports(container: DockerContainer, *ports: int) -> DockerContainer:
    """Chosen here, because a container that is started again would get others."""
    for port in ports:
        container.with_bind_ports(port, free_port())
    return container


def _login(credentials: NatsCredentials) -> str:
    return f"{credentials.user}:{credentials.password.get_secret_value()}"


def _address(container: DockerContainer, port: int) -> str:
    host = container.get_container_host_ip()
    host = "127.0.0.1" if host == "localhost" else host  # nobody else answers there, on IPv6 say
    return f"{host}:{container.get_exposed_port(port)}"


def _ready(server: Container) -> Container:
    server.until_ready()
    return server

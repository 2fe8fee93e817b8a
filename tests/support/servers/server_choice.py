"""Which servers there are for a run of the tests, and why these."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import nats
import pytest

from heliograph.runtime.settings import ServiceSettings
from tests.support.servers.containers import (
    nats_container,
    postgres_container,
    s3_container,
    why_not,
)
from tests.support.servers.ports import (
    until_nats_ready,
    until_postgres_ready,
    until_s3_ready,
)
from tests.support.servers.postgres import Postgres, postgres_program
from tests.support.servers.programs import nats_program, s3_program
from tests.support.servers.server import Given, OwnServer, Server
from tests.support.servers.settings import ServerSettings

_GREETING = 3.0  #: seconds for a given server to answer

choices: dict[str, None] = {}  #: a sentence for each choice of this run, in order


def nats_running(home: Path) -> AbstractContextManager[OwnServer]:
    """A NATS server with an empty store, for one test to break."""
    image = ServerSettings().nats_image
    if _in_container("NATS", image):
        return nats_container(home, image)
    return nats_program(home)


def s3_running(home: Path) -> AbstractContextManager[OwnServer]:
    """An S3 store without a bucket, for one test to break."""
    choice = ServerSettings()
    if choice.minio:
        _chose(f"S3 is MinIO at {choice.minio}")
    elif _in_container("S3", choice.s3_image):
        return s3_container(home, choice.s3_image)
    return s3_program(home, choice.minio)


@contextmanager
def shared_nats(home: Path) -> Iterator[Server]:
    """A NATS server for many tests."""
    choice = ServerSettings()
    if choice.nats_url is None:
        with nats_running(home) as server:
            yield server
        return
    _must_be_ready("NATS", until_nats_ready, choice.nats_url)
    if asyncio.run(_has_streams(choice.nats_url)):
        pytest.fail(
            "HELIOGRAPH_TEST_NATS_URL: that server is in use, it has streams", pytrace=False
        )
    yield Given(
        ServiceSettings(
            home=home, nats_url=choice.nats_url, nats_monitor_url=choice.nats_monitor_url
        )
    )


@contextmanager
def shared_s3(home: Path) -> Iterator[Server]:
    """An S3 store for many tests."""
    choice = ServerSettings()
    if choice.s3_url is None:
        with s3_running(home) as server:
            yield server
        return
    _must_be_ready("S3", until_s3_ready, choice.s3_url)
    yield Given(
        ServiceSettings(
            home=home,
            s3_endpoint=choice.s3_url,
            s3_access_key=choice.s3_access_key,
            s3_secret_key=choice.s3_secret_key,
        )
    )


@contextmanager
def shared_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for many tests."""
    choice = ServerSettings()
    if choice.postgres_url:
        _must_be_ready("POSTGRES", until_postgres_ready, choice.postgres_url)
        yield Postgres(choice.postgres_url)
        return
    in_container = _in_container("PostgreSQL", choice.postgres_image)
    with postgres_container(choice.postgres_image) if in_container else postgres_program() as url:
        yield Postgres(url)


@contextmanager
def outside_servers(home: Path) -> Iterator[dict[str, str]]:
    """
    Settings that make `up` use the servers that were chosen; none for those it brings itself.

    A given NATS server is not among them: two Heliographs on one would take each other's work.
    """
    choice = ServerSettings()
    environment: dict[str, str] = {}
    with ExitStack() as running:
        if choice.s3_url or choice.minio or _in_container("S3", choice.s3_image):
            settings = running.enter_context(shared_s3(home)).settings
            environment |= _store(settings)
        if _in_container("NATS", choice.nats_image):
            settings = running.enter_context(nats_container(home, choice.nats_image)).settings
            environment |= _nats(settings)
        yield environment


def _store(settings: ServiceSettings) -> dict[str, str]:
    assert settings.s3_endpoint
    assert settings.s3_access_key
    assert settings.s3_secret_key
    return {
        "HELIOGRAPH_S3_ENDPOINT": settings.s3_endpoint,
        "HELIOGRAPH_S3_ACCESS_KEY": settings.s3_access_key,
        "HELIOGRAPH_S3_SECRET_KEY": settings.s3_secret_key.get_secret_value(),
        "HELIOGRAPH_S3_BUCKET": f"heliograph-{uuid4().hex[:12]}",
    }


def _nats(settings: ServiceSettings) -> dict[str, str]:
    return {
        "HELIOGRAPH_NATS_URL": settings.nats,
        "HELIOGRAPH_NATS_MONITOR_URL": settings.nats_monitor_url or "",
    }


def _in_container(what: str, image: str) -> bool:
    choice = ServerSettings().containers
    trouble = "containers are off" if choice == "off" else why_not(image)
    if trouble is None:
        _chose(f"{what} is {image} in a container")
        return True
    if choice == "on":
        pytest.fail(f"there is no container for {what}: {trouble}", pytrace=False)
    _chose(f"{what} is the bundled program: {trouble}")
    return False


def _must_be_ready(what: str, until_ready: Callable[..., None], url: str) -> None:
    name = f"HELIOGRAPH_TEST_{what}_URL"  # named instead of shown: it may hold a password
    try:
        until_ready(url, seconds=_GREETING)
    except TimeoutError:
        pytest.fail(f"{name}: no {what} answers there", pytrace=False)
    _chose(f"{what} is given by {name}, except where a test breaks it")


async def _has_streams(url: str) -> bool:
    """Work of others: they would get ours, and we theirs."""
    client = await nats.connect(url)
    streams = await client.jetstream().streams_info()
    await client.close()
    return bool(streams)


def _chose(sentence: str) -> None:
    choices[sentence] = None

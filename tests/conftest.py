"""What every test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.records import some_project
from tests.support.servers import Server, nats_running, s3_running

for name in list(os.environ):  # a developer's shell must not change a test
    if name.startswith("HELIOGRAPH_"):
        del os.environ[name]


@pytest.fixture
def project() -> str:
    return some_project()


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One NATS server for all tests; projects keep them apart."""
    with nats_running(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One S3 server for all tests; keys keep them apart."""
    with s3_running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads a `.env`, or leaves a home in the checkout."""
    monkeypatch.chdir(tmp_path)

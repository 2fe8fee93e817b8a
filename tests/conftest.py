"""What every test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.support.certificates import share_certificates
from tests.support.emulation.emulator_process import Emulator, emulator_running
from tests.support.fal.emulator_process import FalServer, fal_running
from tests.support.records import some_project
from tests.support.servers import (
    Postgres,
    Server,
    choices,
    shared_nats,
    shared_postgres,
    shared_s3,
)

for name in list(os.environ):  # a developer's shell must not change a test
    if name.startswith("HELIOGRAPH_") and not name.startswith("HELIOGRAPH_TEST_"):
        del os.environ[name]
for name in (
    "FAL_KEY",
    "REPLICATE_API_TOKEN",
    "REPLICATE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "OPENAI_API_KEY",
):
    os.environ.pop(name, None)

share_certificates()

#: folders whose tests run in one process, those first that take longest: they share what takes long
#: to start, and two crashes at once would only measure how busy the machine is
TOGETHER = (
    "tests/chaos",
    "tests/e2e",
    "tests/browser",
    "tests/e2e/isolated",
    "tests/e2e/hosted",
    "tests/e2e/access",
)


def _folder_of(nodeid: str) -> str:
    return nodeid.partition("::")[0].rpartition("/")[0]


class FoldersTogether(LoadFileScheduling):
    """The tests of a file run in one process, and all files of some folders in the same one."""

    def _split_scope(self, nodeid: str) -> str:
        folder = _folder_of(nodeid)
        return folder if folder in TOGETHER else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return FoldersTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, and the many files fill up what is left."""
    places = {folder: place for place, folder in enumerate(TOGETHER)}
    items.sort(key=lambda item: places.get(_folder_of(item.nodeid), len(TOGETHER)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several test processes says which servers it chose."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["choices"] = list(choices)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    choices.update(dict.fromkeys(node.workeroutput.get("choices", ())))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which servers it was all about."""
    for choice in choices:
        terminalreporter.write_line(choice)


@pytest.fixture
def project() -> str:
    return some_project()


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One NATS server for all tests; projects keep them apart."""
    with shared_nats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One S3 server for all tests; keys keep them apart."""
    with shared_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests; each has a database of its own."""
    with shared_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def fal_server() -> Iterator[FalServer]:
    """One emulated fal for all tests; accounts keep them apart."""
    with fal_running() as server:
        yield server


@pytest.fixture(scope="session")
def replicate_server() -> Iterator[Emulator]:
    """One emulated Replicate for all tests; accounts keep them apart."""
    with emulator_running("replicate") as server:
        yield server


@pytest.fixture(scope="session")
def gemini_server() -> Iterator[Emulator]:
    """One emulated Gemini for all tests; accounts keep them apart."""
    with emulator_running("gemini") as server:
        yield server


@pytest.fixture(scope="session")
def openai_server() -> Iterator[Emulator]:
    """One emulated OpenAI for all tests; accounts keep them apart."""
    with emulator_running("openai") as server:
        yield server


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads a `.env`, or leaves a home in the checkout."""
    monkeypatch.chdir(tmp_path)

"""A Heliograph whose processes die where a test says, and are started again at once."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from heliograph.runtime.crash_points import VARIABLE
from tests.support.emulation.emulator_process import EmulatedAccount, Emulator
from tests.support.stack import Stack, stack_running

GRACE = 4  #: seconds that its processes have to finish what is in hand


@pytest.fixture(scope="session")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which crash points of `fragile` are armed."""
    return tmp_path_factory.mktemp("crashes")


@pytest.fixture(scope="session")
def openai(openai_server: Emulator) -> EmulatedAccount:
    """The account of `fragile`."""
    return openai_server.account(uuid4().hex)


@pytest.fixture(scope="session")
def fragile(
    openai: EmulatedAccount, crashes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    settings = {
        "HELIOGRAPH_OPENAI_BASE_URL": f"{openai.url}/v1",
        "OPENAI_API_KEY": openai.key,
        "HELIOGRAPH_SHUTDOWN_GRACE_PERIOD": str(GRACE),
        "HELIOGRAPH_ACK_WAIT": "1",
        "HELIOGRAPH_SUBMIT_LIMIT": "1",
        "HELIOGRAPH_BACKOFF_MAX": "0.1",
        "HELIOGRAPH_MAX_ATTEMPTS": "2",
        "HELIOGRAPH_MAX_UNANSWERED": "5",
        "HELIOGRAPH_RESTART_PAUSE": "0.2",
        VARIABLE: str(crashes),
    }
    with stack_running(
        tmp_path_factory.mktemp("fragile") / "home", settings, preloaded=True
    ) as stack:
        yield stack

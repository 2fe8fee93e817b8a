"""Heliographs that tests break, or that are small: beside the one of the other tests."""

import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.stack import Stack, is_alive
from tests.support.timeouts import TIMEOUT

#: secrets of this user: those of two providers, and one that is another program's
KEYS = {
    "FAL_KEY": "canary-fal",
    "GEMINI_API_KEY": "canary-gemini",
    "AWS_SECRET_ACCESS_KEY": "canary-of-another-program",
}


@dataclass(frozen=True)
class FirstLife:
    """A run that was ended with Ctrl-C, and what was left of it."""

    request: httpx.Request  #: that a job was submitted with
    job: str
    code: int  #: exit code
    alive: list[str]  #: processes
    files: list[Path]  #: of running processes
    ports: list[int]  #: that are still bound


@pytest.fixture(scope="session")
def _stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stack, FirstLife]:
    home = tmp_path_factory.mktemp("breakable")
    (home / "run").mkdir()
    (home / "logs").mkdir()
    (home / "logs" / "render.log").write_text("")
    for path in (home, home / "run", home / "logs"):
        path.chmod(0o755)  # as an earlier release left it
    files = {name: tmp_path_factory.mktemp("files") / f"{name}.yaml" for name in ("kinds", "lanes")}
    for file in files.values():
        file.write_text("{}\n")
    paths = {f"HELIOGRAPH_{name.upper()}": str(file) for name, file in files.items()}
    stack = Stack(home, {**KEYS, **paths, "HELIOGRAPH_UPLOAD_RESERVE": str(10**18)})
    stack.start()
    try:
        return stack, _live_once(stack)
    finally:
        stack.stop()


def _live_once(stack: Stack) -> FirstLife:
    request = httpx.Request(
        "POST",
        f"{stack.url('gateway')}/v1/projects/kept/jobs",
        json={"kind": "image", "prompt": "kept", "parameters": {"seconds": 0}},
        headers={"Idempotency-Key": "k"},
    )
    with httpx.Client(timeout=TIMEOUT) as http:
        job = http.send(request).json()["id"]
    pids = {name: stack.pid(name) or 0 for name in stack.everything}
    code = stack.stop(signal.SIGINT)
    return FirstLife(
        request=request,
        job=job,
        code=code,
        alive=[name for name, pid in pids.items() if is_alive(pid)],
        files=list((stack.home / "run").iterdir()),
        ports=[port for port in stack.ports.values() if not _is_free(port)],
    )


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture(scope="session")
def first_life(_stopped: tuple[Stack, FirstLife]) -> FirstLife:
    """Of `breakable`."""
    return _stopped[1]


@pytest.fixture(scope="session")
def breakable(_stopped: tuple[Stack, FirstLife]) -> Iterator[Stack]:
    """
    A Heliograph that any test may break, if it is whole again afterwards.

    It was stopped once, in a home that an earlier release left open. It knows keys of providers, and
    its kinds and lanes are in files that may change. Storage leaves so much of the disk free that it
    takes no uploads.
    """
    stack, _ = _stopped
    stack.output.clear()
    with stack.running():
        yield stack


#: jobs of a project that may wait, and of all
PROJECT_LIMIT, LIMIT = 60, 100
#: uploads of a project that no job names, and their bytes
UPLOADS, UPLOAD_BYTES = 3, 40_000


@pytest.fixture(scope="session")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two gateways and two renders; short queues, and few uploads, which it keeps for seconds."""
    settings = {
        "HELIOGRAPH_GATEWAYS": "2",
        "HELIOGRAPH_RENDERS": "2",
        "HELIOGRAPH_MAX_QUEUED_PER_PROJECT": str(PROJECT_LIMIT),
        "HELIOGRAPH_MAX_QUEUED": str(LIMIT),
        "HELIOGRAPH_UPLOADS_PER_PROJECT": str(UPLOADS),
        "HELIOGRAPH_UPLOADS_MAX_BYTES": str(UPLOAD_BYTES),
        "HELIOGRAPH_UPLOAD_RETENTION_DAYS": str(3 / 86_400),
        "HELIOGRAPH_UPLOAD_SWEEP_INTERVAL": "0.5",
    }
    stack = Stack(tmp_path_factory.mktemp("bounded") / "home", settings, preloaded=True)
    with stack.running():
        yield stack

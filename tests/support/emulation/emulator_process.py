"""An emulated provider in a process of its own, and what tests do with it."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from deploy.local.processes import ROOT
from tests.support.servers import free_port
from tests.support.timeouts import TIMEOUT


@dataclass(frozen=True)
class Emulator:
    """Where an emulated provider listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def account(self, key: str) -> "EmulatedAccount":
        return EmulatedAccount(self.url, key)


@dataclass(frozen=True)
class EmulatedAccount:
    """An account at an emulated provider. Nobody else knows its key."""

    url: str
    key: str

    @property
    def _door(self) -> str:
        return f"{self.url}/emulator/accounts/{self.key}"

    def plan(self, prompt: str, **plan: Any) -> None:
        """What happens to requests with this prompt: the fields of the provider's `Plan`."""
        httpx.put(f"{self._door}/plans", json={"prompt": prompt, **plan}).raise_for_status()

    def change(self, **fields: Any) -> None:
        """Fields of the account that tests may change, see `Account.changeable`."""
        httpx.put(self._door, json=fields).raise_for_status()

    def turn_away(self, uploads: int) -> None:
        """The next uploads are answered with 503."""
        self.change(busy=uploads)

    def report(self) -> dict[str, Any]:
        """All that the emulator says of it."""
        return dict(httpx.get(self._door).json())

    def accepted(self, prompt: str | None = None) -> list[dict[str, Any]]:
        """The requests it pays for: `prompt` and `body` at least."""
        requests = self.report()["accepted"]
        return [each for each in requests if prompt in (None, each["prompt"])]

    @property
    def posts(self) -> int:
        """Submissions that came in, accepted or not."""
        return int(self.report()["posts"])

    @property
    def heard(self) -> list[dict[str, Any]]:
        """Everything that was asked with its key, in order."""
        return list(self.report()["heard"])


@contextmanager
def emulator_running(package: str, port: int | None = None) -> Iterator[Emulator]:
    """The emulator in `tests/support/<package>`, until the block ends."""
    emulator = Emulator(port or free_port())
    ready = f"{emulator.url}/emulator/ready"
    with process_running(package, emulator.port, lambda: httpx.get(ready).raise_for_status()):
        yield emulator


@contextmanager
def process_running(package: str, port: int, ask: Callable[[], object]) -> Iterator[None]:
    """Its process, from when it answers what it is asked."""
    command = [sys.executable, "-m", f"tests.support.{package}", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            _wait_for(process, ask)
            yield
        finally:
            process.kill()


def listen(package: str, app: ASGIApp) -> None:
    """The command line of an emulator: serve until told to stop."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.support.{package}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9555)
    where = parser.parse_args()
    # h11 lets a connection be cut in the middle
    uvicorn.run(app, host=where.host, port=where.port, http="h11", log_level="warning")


def _wait_for(process: subprocess.Popen[bytes], ask: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        try:
            ask()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"no emulator, exit code {process.returncode}")

"""An emulated fal in a process of its own, and what tests do with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.emulation.emulator_process import process_running
from tests.support.servers import free_port


@dataclass(frozen=True)
class FalServer:
    """Where an emulated fal listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def account(self, key: str) -> "FalAccount":
        return FalAccount(self.url, key)

    def sign(self, request_id: str, body: bytes, *, off: int = 0) -> dict[str, str]:
        """The headers of a call about a request, by a clock that is `off` by seconds."""
        parameters = {"id": request_id, "off": str(off)}
        answer = httpx.post(f"{self.url}/emulator/signatures", params=parameters, content=body)
        return dict(answer.json())

    def forget_files(self) -> None:
        """Nothing that was brought is there any more."""
        httpx.delete(f"{self.url}/emulator/files").raise_for_status()

    def strangers(self) -> list[dict[str, Any]]:
        """The requests that need no key, in order."""
        return list(httpx.get(f"{self.url}/emulator/strangers").json())


@dataclass(frozen=True)
class FalAccount:
    """An account at an emulated fal. Nobody else knows its key."""

    url: str
    key: str

    @property
    def _door(self) -> str:
        return f"{self.url}/emulator/accounts/{self.key}"

    def plan(self, prompt: str, **plan: Any) -> None:
        """What happens to requests with this prompt: the fields of `Plan`."""
        httpx.put(f"{self._door}/plans", json={"prompt": prompt, **plan}).raise_for_status()

    def change(self, **limits: Any) -> None:
        """Its `concurrency`, `retention` in seconds, `storage_troubles`, `files_gone`, `calls_back`."""
        httpx.put(self._door, json=limits).raise_for_status()

    def accepted(self, prompt: str | None = None) -> list[dict[str, Any]]:
        """The requests it pays for: id, endpoint, body, headers, webhook."""
        requests = httpx.get(self._door).json()["accepted"]
        return [r for r in requests if prompt in (None, r["body"].get("prompt"))]

    @property
    def posts(self) -> int:
        """Submissions that came in, accepted or not."""
        return int(httpx.get(self._door).json()["posts"])

    @property
    def uploads(self) -> list[str]:
        """Files that were brought, taken or not: the life that each was to have."""
        return list(httpx.get(self._door).json()["uploads"])

    @property
    def heard(self) -> list[dict[str, Any]]:
        """Everything that was asked with its key, in order."""
        return list(httpx.get(self._door).json()["heard"])


@contextmanager
def fal_running(port: int | None = None) -> Iterator[FalServer]:
    """An emulated fal, until the block ends."""
    server = FalServer(port or free_port())
    with process_running("fal", server.port, server.strangers):
        yield server

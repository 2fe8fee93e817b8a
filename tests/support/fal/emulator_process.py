"""An emulated fal in a process of its own, and what tests do with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.emulation.emulator_process import EmulatedAccount, Emulator, emulator_running


@dataclass(frozen=True)
class FalServer(Emulator):
    """Where an emulated fal listens."""

    def account(self, key: str) -> "FalAccount":
        return FalAccount(self.url, key)

    def sign(self, request_id: str, body: bytes, *, off: int = 0) -> dict[str, str]:
        """The headers of a call about a request, by a clock that is `off` by seconds."""
        parameters = {"id": request_id, "off": str(off)}
        response = httpx.post(f"{self.url}/emulator/signatures", params=parameters, content=body)
        return dict(response.json())

    def forget_files(self) -> None:
        """Nothing that was brought is there any more."""
        httpx.delete(f"{self.url}/emulator/files").raise_for_status()

    def strangers(self) -> list[dict[str, Any]]:
        """The requests that need no key, in order."""
        return list(httpx.get(f"{self.url}/emulator/strangers").json())


@dataclass(frozen=True)
class FalAccount(EmulatedAccount):
    """An account at an emulated fal."""

    @property
    def uploads(self) -> list[str]:
        """Files that were brought, taken or not: the life that each was to have."""
        return list(self.report()["uploads"])


@contextmanager
def fal_running(port: int | None = None) -> Iterator[FalServer]:
    """An emulated fal, until the block ends."""
    with emulator_running("fal", port) as emulator:
        yield FalServer(emulator.port)

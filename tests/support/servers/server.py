"""What a test knows of a server, whatever it runs in."""

import os
from dataclasses import dataclass
from typing import NoReturn, Protocol

import pytest

from heliograph.runtime.settings import ServiceSettings

EVENTS_MAX_BYTES = 2**28  #: of the event stream on a server that tests have to themselves


class Server(Protocol):
    """A NATS server or an S3 store. The settings lead to it; those of a store hold its keys."""

    @property
    def settings(self) -> ServiceSettings: ...


class OwnServer(Server, Protocol):
    """One that a test may break."""

    def start(self) -> None:
        """Returns when it answers."""

    def kill(self) -> None:
        """`kill -9`. What it kept is there at its next start."""


@dataclass(frozen=True)
class Given:
    """Somebody else's: tests use it, and leave it running."""

    settings: ServiceSettings


def missing(what: str) -> NoReturn:
    """Skips on a laptop, fails in CI."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)

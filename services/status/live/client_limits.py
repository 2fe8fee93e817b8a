"""Caps on live clients: connections, streams, and subscriptions of one project, in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from heliograph.contracts.errors import Unavailable

COME_BACK = 5.0  #: seconds, for a client that is told when to come back


class Full(Unavailable):
    """Too many clients are live here; come back later."""


class Places:
    """So many places, of each name by itself."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken: Counter[str] = Counter()

    def check(self, name: str = "") -> None:
        """Raises Full."""
        if self._taken[name] >= self._most:
            raise Full(f"there are {self._most} {self._what} already", retry_after=COME_BACK)

    def take(self, name: str = "") -> None:
        """Raises Full."""
        self.check(name)
        self._taken[name] += 1

    def give_back(self, name: str = "") -> None:
        self._taken[name] -= 1
        if not self._taken[name]:
            del self._taken[name]

    @contextmanager
    def place(self, name: str = "") -> Iterator[None]:
        """A place for as long as the block runs. Raises Full."""
        self.take(name)
        try:
            yield
        finally:
            self.give_back(name)


@dataclass(frozen=True)
class Admission:
    """Who may be live."""

    connections: Places
    streams: Places
    subscriptions: Places  #: by project

    @classmethod
    def of(cls, *, connections: int, streams: int, subscriptions: int) -> "Admission":
        return cls(
            Places(connections, "live connections"),
            Places(streams, "event streams"),
            Places(subscriptions, "subscriptions of this project"),
        )

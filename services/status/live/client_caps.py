"""Caps on clients: so many places of one kind, for each name by itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from heliograph.contracts.errors import Unavailable

COME_BACK = 5.0  #: seconds, sent to refused clients as their retry delay


class TooManyClients(Unavailable):
    """Too many clients are live here; come back later."""


class ClientCaps:
    """So many places, of each name by itself."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Places that are taken, of all names."""
        return self._taken.total()

    def check(self, name: str = "") -> None:
        """Raises TooManyClients."""
        if self._taken[name] >= self._most:
            raise TooManyClients(
                f"there are {self._most} {self._what} already", retry_after=COME_BACK
            )

    def acquire(self, name: str = "") -> None:
        """Raises TooManyClients."""
        self.check(name)
        self._taken[name] += 1

    def release(self, name: str = "") -> None:
        self._taken[name] -= 1
        if not self._taken[name]:
            del self._taken[name]

    @contextmanager
    def permit(self, name: str = "") -> Iterator[None]:
        """A place for as long as the block runs. Raises TooManyClients."""
        self.acquire(name)
        try:
            yield
        finally:
            self.release(name)

"""Caps on clients: a number of permits of one kind for each name."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from heliograph.contracts.errors import Unavailable

COME_BACK = 5.0  #: seconds, sent to refused clients as their retry delay


class TooManyClients(Unavailable):
    """Too many clients are live here; come back later."""


class ClientCaps:
    """A number of permits for each name."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Permits in use, of all names."""
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
        """A permit for as long as the block runs. Raises TooManyClients."""
        self.acquire(name)
        try:
            yield
        finally:
            self.release(name)

"""Time as the scheduler wants it: an event loop that never waits, and a clock that it moves."""

import asyncio
import selectors
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.runtime import clock as server_clock

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
_OURS = ("heliograph.", "services.")
MOMENT = 1e-6  #: seconds; shorter than any wait of a handler


class Deadlock(Exception):
    """Nothing is ready, and no timer runs: the loop would wait for ever."""


class _Selector(selectors.BaseSelector):
    """Nothing comes in from outside; waiting is moving the clock."""

    def __init__(self) -> None:
        self.time = 0.0
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self._keys[fileobj] = selectors.SelectorKey(fileobj, fileobj, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        self.time += max(0.0, timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds take no time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.time


def clock() -> float:
    """Virtual seconds since the loop began."""
    return asyncio.get_running_loop().time()


def now() -> datetime:
    """The virtual time of day."""
    return BEGIN + timedelta(seconds=clock())


async def everyone_blocks() -> None:
    """Come back when nobody can go on without a gate or a timer."""
    await asyncio.sleep(MOMENT)


@contextmanager
def virtual_time() -> Iterator[None]:
    """Whoever asks for the time is told the virtual one."""
    real = server_clock.now
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith(_OURS) and getattr(module, "now", None) is real:
                patch.setattr(module, "now", now)
        yield

"""
Rate limiter: requests in a window of time, counted together by all gateways.

A gateway takes some requests at once from the shared counter, and hands them out without asking again.
Callers that find none left wait for one call together, and go on in the same round of the event loop: one by
one they would never be in one group of the commit that follows.
So all gateways together never let more through than the limit. Each gateway may strand up to `AT_ONCE` - 1
requests, or what was left of the window when a batch did not fit or a caller gave up, so others may refuse
that many too early.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cachetools import LRUCache

from heliograph.contracts.errors import TooManyRequests, Unavailable
from heliograph.contracts.quotas import RequestRate
from heliograph.runtime.clock import now
from heliograph.runtime.own_error import own_error

#: requests that are taken at once where fewer wait, but no more than a twentieth of the limit
AT_ONCE = 10
_KNOWN = 10_000  #: counters that a gateway remembers


class SharedCounters(Protocol):
    """Counters of all gateways."""

    async def add(self, name: str, window: int, count: int) -> int:
        """Add to a counter. Returns the new sum. Raises Unavailable."""


@dataclass
class _Window:
    """A gateway's copy of one window of one counter."""

    number: int
    left: int = 0  #: taken, and not used
    total: int = 0  #: of all gateways, when it was last asked
    waiting: int = 0  #: requests whose callers wait for the shared counter
    refill: asyncio.Task[None] | None = None  #: the last call of the shared counter


@dataclass(frozen=True)
class RateState:
    """State of a rate, as a gateway knows it."""

    remaining: int  #: requests
    reset: float  #: seconds until the next window


class RateLimiter:
    """Limits requests by name; every limit is given with the request."""

    def __init__(self, counters: SharedCounters) -> None:
        self._counters = counters
        self._windows: LRUCache[str, _Window] = LRUCache(_KNOWN)

    async def take(self, name: str, title: str, rate: RequestRate, count: int) -> None:
        """
        Count requests, all or none.

        Args:
            title: Holder of the rate, for the error message.

        Raises:
            TooManyRequests: The limit of the window is exceeded; the next window may have room.
            Unavailable: The counter does not respond; the requests may or may not be counted.
        """
        window = self._current(name, rate)
        while window.left < count and window.total < rate.limit:
            await self._refill(name, rate, window, count)
        if window.left < count:
            raise _limited(name, title, rate)
        window.left -= count

    def give_back(self, name: str, rate: RequestRate, count: int, at: datetime) -> None:
        """Return counted requests that created nothing new, unless their window has ended."""
        window = self._current(name, rate)
        if window.number == _number(rate, at):
            window.left += count

    def state(self, name: str, rate: RequestRate) -> RateState:
        """The remaining requests, as far as this gateway knows."""
        window = self._current(name, rate)
        free = max(0, rate.limit - window.total) + window.left
        return RateState(remaining=min(free, rate.limit), reset=_until_next(rate))

    async def _refill(self, name: str, rate: RequestRate, window: _Window, count: int) -> None:
        """Wait for a call of the shared counter, together with others. Raises Unavailable."""
        window.waiting += count
        if window.refill is None or window.refill.done():
            call = self._take_shared(name, rate, window)
            window.refill = asyncio.create_task(call, name=f"rate of {name}")
        try:
            await asyncio.shield(window.refill)
        except Unavailable as error:
            raise own_error(error) from None
        finally:
            window.waiting -= count

    async def _take_shared(self, name: str, rate: RequestRate, window: _Window) -> None:
        """Take as many requests as the waiting callers need."""
        requests = max(window.waiting - window.left, min(AT_ONCE, rate.limit // 20), 1)
        total = await self._counters.add(_key(name, rate), window.number, requests)
        window.left += max(0, requests - max(0, total - rate.limit))
        window.total = total

    def _current(self, name: str, rate: RequestRate) -> _Window:
        """The current window. Each window length has windows and counters of its own."""
        key = _key(name, rate)
        number = _number(rate, now())
        known = self._windows.get(key)
        if known is None or known.number != number:
            known = self._windows[key] = _Window(number)
        return known


def _key(name: str, rate: RequestRate) -> str:
    return f"{name}.{rate.window_seconds}"


def _number(rate: RequestRate, at: datetime) -> int:
    """Number of the window that contains a time."""
    return int(at.timestamp() // rate.window_seconds)


def _until_next(rate: RequestRate) -> float:
    return rate.window_seconds - now().timestamp() % rate.window_seconds


def policy_of(name: str) -> str:
    """Name of a holder's rate in headers."""
    return f"requests-{name.partition('.')[0]}"


def _limited(name: str, title: str, rate: RequestRate) -> TooManyRequests:
    wait = _until_next(rate)
    detail = (
        f"{title} may ask for {rate.limit} jobs in {rate.window_seconds} seconds; the next "
        f"{rate.window_seconds} seconds begin in {wait:.0f}"
    )
    return TooManyRequests(
        detail,
        policy=policy_of(name),
        limit=rate.limit,
        window=rate.window_seconds,
        retry_after=max(1.0, wait),
    )

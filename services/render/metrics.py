"""Prometheus metrics of provider accounts: permits in use, and the circuit breaker's state."""

import asyncio

from prometheus_client import Gauge

from heliograph.contracts.circuit_breaker import State
from heliograph.runtime.bus import AccountPermits
from heliograph.runtime.clock import now

_INTERVAL = 5.0  #: seconds

_LEVELS: dict[State, int] = {"closed": 0, "half_open": 1, "open": 2}

_BREAKER = Gauge(
    "heliograph_account_breaker", "Circuit breaker: 0 closed, 1 half open, 2 open", ["account"]
)
_IN_USE = Gauge("heliograph_account_in_use", "Account permits in use", ["account"])
_CAP = Gauge(
    "heliograph_account_cap", "Concurrency limit of the account, if it has one", ["account"]
)


async def export_account_metrics(accounts: AccountPermits) -> None:
    """Export the state of all accounts at an interval. Raises Unavailable."""
    while True:
        for name in accounts.names():
            usage = await accounts.usage(name)
            state: State = usage.breaker.state(now()) if usage.breaker else "closed"
            _BREAKER.labels(name).set(_LEVELS[state])
            if usage.cap is not None:
                _IN_USE.labels(name).set(len(usage.holders))
                _CAP.labels(name).set(usage.cap)
        await asyncio.sleep(_INTERVAL)

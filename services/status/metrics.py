"""Prometheus metrics of the read model: how far it is behind the event log."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import Gauge

_INTERVAL = 5.0  #: seconds

_LAG = Gauge(
    "heliograph_projector_lag_events",
    "Projector lag: events in the log that the read model does not have yet",
)

Position = Callable[[], Awaitable[int]]


async def export_lag(projected: Position, end: Position) -> None:
    """
    Compare the read model's cursor with the end of the log again and again. Raises Unavailable.

    Every status process does, also those that do not project: a projector that hangs reports nothing.
    """
    while True:
        cursor = await projected()
        _LAG.set(max(0, await end() - cursor))
        await asyncio.sleep(_INTERVAL)

"""Readiness of status: whether this process follows the log, and the read model does."""

import asyncio

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.http.health import Check, Standstill
from services.status.live.hub import Hub
from services.status.read_model import ReadModel


def readiness_checks(hub: Hub, read_model: ReadModel, prepared: asyncio.Event) -> dict[str, Check]:
    """The checks of a status process; `prepared` is set when queries are served."""
    received = Standstill(hub.cursor, hub.missed.last_sequence)
    projected = Standstill(read_model.cursor, hub.missed.last_sequence)

    async def check_hub() -> None:
        if not (hub.opened.is_set() and prepared.is_set()):
            raise Unavailable("not listening yet")

    async def check_readers() -> None:
        await check_hub()
        await received()
        await projected()

    return {"hub": check_hub, "database": read_model.check, "readers": check_readers}

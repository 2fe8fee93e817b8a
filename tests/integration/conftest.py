"""A bus on a real NATS server."""

from collections.abc import AsyncIterator

import pytest

from heliograph.runtime.bus.nats_bus import NatsBus
from tests.support.records import CURRENT_CATALOG
from tests.support.servers import Server


@pytest.fixture
async def bus(nats: Server) -> AsyncIterator[NatsBus]:
    bus = NatsBus(nats.settings, CURRENT_CATALOG, "test")
    await bus.open()
    yield bus
    await bus.close()

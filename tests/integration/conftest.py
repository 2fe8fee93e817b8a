"""A bus on a real NATS server, and adapters of hosted providers on their emulators."""

from collections.abc import AsyncIterator

import pytest

from heliograph.runtime.bus.nats_bus import NatsBus
from tests.support.hosted_rigs import fal_rig, gemini_rig, openai_rig, replicate_rig
from tests.support.records import CURRENT_CATALOG
from tests.support.servers import Server

__all__ = ["fal_rig", "gemini_rig", "openai_rig", "replicate_rig"]  # fixtures


@pytest.fixture
async def bus(nats: Server) -> AsyncIterator[NatsBus]:
    bus = NatsBus(nats.settings, CURRENT_CATALOG, "test")
    await bus.open()
    yield bus
    await bus.close()

"""Fixtures of the adapters of hosted providers, each with an account of its own on its emulator."""

from collections.abc import AsyncIterator

import pytest

from tests.support.emulation.emulator_process import Emulator
from tests.support.emulation.inline_rigs import GeminiRig, OpenAIRig
from tests.support.fal.emulator_process import FalServer
from tests.support.fal.rig import FalRig
from tests.support.replicate.rig import ReplicateRig


@pytest.fixture
async def fal_rig(fal_server: FalServer) -> AsyncIterator[FalRig]:
    rig = FalRig(fal_server)
    yield rig
    await rig.aclose()


@pytest.fixture
async def replicate_rig(replicate_server: Emulator) -> AsyncIterator[ReplicateRig]:
    rig = ReplicateRig(replicate_server)
    yield rig
    await rig.aclose()


@pytest.fixture
async def gemini_rig(gemini_server: Emulator) -> AsyncIterator[GeminiRig]:
    rig = GeminiRig(gemini_server)
    yield rig
    await rig.aclose()


@pytest.fixture
async def openai_rig(openai_server: Emulator) -> AsyncIterator[OpenAIRig]:
    rig = OpenAIRig(openai_server)
    yield rig
    await rig.aclose()

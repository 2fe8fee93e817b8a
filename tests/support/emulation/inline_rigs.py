"""Providers that answer with their outputs, each with an account of its own at its emulator."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from services.render.providers.gemini import GeminiProvider
from services.render.providers.gemini.options import GeminiOptions
from services.render.providers.openai import OpenAIOptions, OpenAIProvider
from services.render.providers.submissions import Submission
from tests.support.emulation.emulator_process import Emulator
from tests.support.records import CATALOG, some_project
from tests.support.submissions import submission_for


class GeminiRig:
    """Gemini."""

    model = "gemini/gemini-3.1-flash-image"
    text = "gemini/gemini-2.5-pro"

    def __init__(self, server: Emulator) -> None:
        self.account = server.account(uuid4().hex)
        self.provider = self.adapter(server.url, self.account.key)

    def adapter(self, url: str, key: str, **options: Any) -> GeminiProvider:
        return GeminiProvider(key, CATALOG.models, GeminiOptions(base_url=url, **options))

    async def aclose(self) -> None:
        await self.provider.aclose()


class OpenAIRig:
    """OpenAI."""

    model = "openai/gpt-image-2"

    def __init__(self, server: Emulator) -> None:
        self.account = server.account(uuid4().hex)
        self.provider = self.adapter(server.url, self.account.key)

    def adapter(self, url: str, key: str, **options: Any) -> OpenAIProvider:
        return OpenAIProvider(key, CATALOG.models, OpenAIOptions(base_url=f"{url}/v1", **options))

    async def aclose(self) -> None:
        await self.provider.aclose()


InlineRig = GeminiRig | OpenAIRig


def a_submission(model: str, **arguments: Any) -> Submission:
    """A request for a new job, with a prompt that nobody else has."""
    return submission_for(some_project(), model, Decimal("0.05"), **arguments)

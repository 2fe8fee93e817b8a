"""Providers that answer with their outputs, each with an account of its own at its emulator."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from services.render.providers import Submission
from services.render.providers.gemini import GeminiOptions, GeminiProvider
from services.render.providers.openai import OpenAIOptions, OpenAIProvider
from tests.support.emulation.emulator_process import Emulator
from tests.support.records import CATALOG, some_project
from tests.support.submissions import submission_for


class GeminiRig:
    """Gemini."""

    model = "gemini/gemini-3.1-flash-image"
    text = "gemini/gemini-2.5-pro"
    revoked_is = "API key not valid"

    def __init__(self, server: Emulator, *, key: str | None = None) -> None:
        self.account = server.account(key or uuid4().hex)
        options = GeminiOptions(base_url=server.url)
        self.provider = GeminiProvider(self.account.key, CATALOG.models, options)


class OpenAIRig:
    """OpenAI."""

    model = "openai/gpt-image-2"
    revoked_is = "Incorrect API key"

    def __init__(self, server: Emulator, *, key: str | None = None) -> None:
        self.account = server.account(key or uuid4().hex)
        options = OpenAIOptions(base_url=f"{server.url}/v1")
        self.provider = OpenAIProvider(self.account.key, CATALOG.models, options)


InlineRig = GeminiRig | OpenAIRig


def a_submission(model: str, **arguments: Any) -> Submission:
    """A request for a new job, with a prompt that nobody else has."""
    return submission_for(some_project(), model, Decimal("0.05"), **arguments)

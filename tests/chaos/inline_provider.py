"""A provider that answers with its pictures, in a storm: what it accepted, and what became of each response."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import yaml

from tests.support.emulation.emulator_process import EmulatedAccount, emulator_running
from tests.support.records import CATALOG

MODEL = "openai/gpt-image-2"
PRICE = CATALOG.models[MODEL].price.amount  #: USD, of a picture

LONG = 11.0  #: seconds of a response that outlasts a drain, when it has begun a moment ago
_ANSWERS_WITHIN = (
    20.0  #: seconds; shorter than as shipped, as a lost response is waited for so long
)
_LEFT = 8.0  #: seconds of work, at least, for a response to outlast a drain


@dataclass(frozen=True)
class InlineRequest:
    """A POST that was accepted, and is paid for. Times are of the wall clock, in seconds."""

    prompt: str
    pictures: int
    at: float
    due_at: float
    ended_at: float | None = None  #: null: not yet
    #: answered to a client that was there, lost by the provider, or abandoned by its client
    end: Literal["answered", "lost", "abandoned"] | None = None


@dataclass(frozen=True)
class InlineProvider:
    """An OpenAI with one account. Its `environment` makes a stack use it."""

    account: EmulatedAccount
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        models = self.folder / "models.yaml"
        model = CATALOG.models[MODEL].model_copy(update={"answers_within": _ANSWERS_WITHIN})
        models.write_text(yaml.safe_dump({MODEL: model.model_dump(mode="json")}))
        return {
            "HELIOGRAPH_MODELS": str(models),
            "HELIOGRAPH_OPENAI_BASE_URL": f"{self.account.url}/v1",
            "OPENAI_API_KEY": self.account.key,
        }

    async def plan(self, prompt: str, **plan: Any) -> None:
        await asyncio.to_thread(self.account.plan, prompt, **plan)

    async def requests(self) -> list[InlineRequest]:
        """All of them, in order."""
        return [_read(each) for each in await asyncio.to_thread(self.account.accepted)]

    async def has_in_flight(self) -> bool:
        """Whether a response is awaited that comes later than any drain ends that does not wait for it."""
        then = time.time() + _LEFT
        return any(not each.ended_at and each.due_at > then for each in await self.requests())


@contextmanager
def inline_provider(folder: Path) -> Iterator[InlineProvider]:
    """Until the block ends."""
    with emulator_running("openai") as emulator:
        yield InlineProvider(emulator.account(uuid4().hex), folder)


def _read(accepted: dict[str, Any]) -> InlineRequest:
    names = ("prompt", "at", "due_at", "ended_at", "end")
    return InlineRequest(
        pictures=int(accepted["body"].get("n", 1)), **{name: accepted[name] for name in names}
    )

"""fal under the contract of all providers: the adapter on the emulator."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from services.render.providers import Provider
from services.render.providers.fal import FalProvider
from services.render.providers.fal.options import FalOptions
from services.render.providers.lookup_results import Unknown
from services.render.providers.submissions import Submission
from tests.support.fal.emulator_process import FalServer
from tests.support.records import CATALOG
from tests.support.submissions import submission_for

MODEL = "fal/flux-schnell"

#: what the faults of the contract are at fal
_PLANS: dict[str, dict[str, Any]] = {
    "reject": {"refusals": ["422"]},
    "rate_limited": {"refusals": ["429"]},
    "unavailable": {"refusals": ["504_user", "504_user"]},
    "policy": {"outcome": "policy"},
    "lost_reply": {"loss": "drop", "is_listed": False},
    "found_reply": {"loss": "drop"},
    "hang": {"hangs": True},
    "garbage": {"outcome": "garbage"},
    "no_output": {"outcome": "no_media"},
    "wrong_type": {"media": "wrong_type"},
    "huge": {"media": "huge"},
    "flaky_download": {"media": "flaky"},
}


class FalRig:
    """The fal adapter, twice, with an account of its own."""

    model = MODEL
    miss = Unknown()  #: fal's list does not show everything at once

    def __init__(self, server: FalServer) -> None:
        self.account = server.account(uuid4().hex)
        self._adapters = [a_fal(server.url, self.account.key) for _ in range(2)]
        self.provider: Provider
        self.elsewhere: Provider
        self.provider, self.elsewhere = self._adapters

    def submission(
        self, *, fault: str | None = None, seconds: float = 0, outputs: int = 1
    ) -> Submission:
        submission = a_submission(num_images=outputs)
        plan = _PLANS[fault] if fault else {}
        self.account.plan(submission.arguments["prompt"], seconds=seconds, **plan)
        return submission

    def adapter(self, url: str, key: str, **options: Any) -> FalProvider:
        return a_fal(url, key, **options)

    def paid(self, submission: Submission) -> int:
        return len(self.account.accepted(submission.arguments["prompt"]))

    async def aclose(self) -> None:
        for adapter in self._adapters:
            await adapter.aclose()


def a_fal(base_url: str, key: str, **options: Any) -> FalProvider:
    """The adapter, on an emulator."""
    return FalProvider(key, CATALOG.models, FalOptions(base_url=base_url, **options))


def a_submission(model: str = MODEL, **arguments: Any) -> Submission:
    """A request for a new job, with a prompt that nobody else has."""
    submission = submission_for("demo", model, Decimal("0.003"), **arguments)
    return replace(submission, at=datetime.now(UTC))

"""Replicate under the contract of all providers: the adapter on the emulator."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from services.render.providers.lookup_results import Unknown
from services.render.providers.replicate import ReplicateProvider
from services.render.providers.replicate.options import ReplicateOptions
from services.render.providers.submissions import Submission
from tests.support.emulation.emulator_process import Emulator
from tests.support.records import CATALOG
from tests.support.submissions import submission_for

MODEL = "replicate/flux-schnell"
EDIT = "replicate/flux-kontext-pro"

#: what the faults of the contract are at Replicate
_PLANS: dict[str, dict[str, Any]] = {
    "reject": {"refusals": ["422"]},
    "rate_limited": {"refusals": ["429"]},
    "policy": {"outcome": "policy"},
    "lost_reply": {"loss": "drop", "is_listed": False},
    "found_reply": {"loss": "drop"},
    "hang": {"hangs": True},
    "garbage": {"outcome": "garbage"},
    "no_output": {"outcome": "empty"},
    "wrong_type": {"media": "wrong_type"},
    "huge": {"media": "huge"},
    "flaky_download": {"media": "flaky"},
}


class ReplicateRig:
    """The Replicate adapter, twice, with an account of its own."""

    model = MODEL
    miss = Unknown()  #: nothing promises that the list shows everything at once

    def __init__(self, server: Emulator) -> None:
        self.account = server.account(uuid4().hex)
        self._adapters = [a_replicate(server.url, self.account.key) for _ in range(2)]
        self.provider: ReplicateProvider
        self.elsewhere: ReplicateProvider
        self.provider, self.elsewhere = self._adapters

    def submission(
        self, *, fault: str | None = None, seconds: float = 0, outputs: int = 1
    ) -> Submission:
        if fault == "unavailable":
            pytest.skip("Replicate has no answer that means: not accepted, try again")
        submission = a_submission(num_images=outputs)
        plan = _PLANS[fault] if fault else {}
        self.account.plan(submission.arguments["prompt"], seconds=seconds, **plan)
        return submission

    def adapter(self, url: str, key: str, **options: Any) -> ReplicateProvider:
        return a_replicate(url, key, **options)

    def paid(self, submission: Submission) -> int:
        return len(self.account.accepted(submission.arguments["prompt"]))

    async def aclose(self) -> None:
        for adapter in self._adapters:
            await adapter.aclose()


def a_replicate(base_url: str, token: str, **options: Any) -> ReplicateProvider:
    """The adapter, on an emulator."""
    return ReplicateProvider(token, CATALOG.models, ReplicateOptions(base_url=base_url, **options))


def a_submission(model: str = MODEL, **arguments: Any) -> Submission:
    """A request for a new job, with a prompt that nobody else has."""
    submission = submission_for("demo", model, Decimal("0.003"), **arguments)
    return replace(submission, at=datetime.now(UTC))

"""Slots and keys: one open job in each, one answer to each."""

from typing import Any

from heliograph.contracts.job_events import JobEvent, RetryScheduled
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.testing.slot_claims import MemorySlotClaims
from services.gateway.jobs import retry
from services.gateway.jobs.acceptance import JobAcceptance
from services.render.worker.context import Worker
from tests.simulation.mutants.registry import Mutants, Patch, reply_before_writing
from tests.simulation.scenario import PlannedRequest, Scenario

MUTANTS = Mutants()

_SAME = (PlannedRequest("a", "x", "s"), PlannedRequest("b", "x", "s"))
_RIVALS = (PlannedRequest("a", "x", "s"), PlannedRequest("b", "y", "s"))


@MUTANTS.add("slots are claimed without comparing", Scenario(_RIVALS), "I5")
def slots_without_compare(patch: Patch) -> None:
    patch.setattr(MemorySlotClaims, "is_lost", lambda *_: False)


@MUTANTS.add("a claimant that was never accepted is not fenced", Scenario(_RIVALS, freezes=1), "I5")
def no_fence(patch: Patch) -> None:
    async def trust(*_: object) -> None:
        return None

    patch.setattr(JobAcceptance, "_tombstone_claimant", trust)


@MUTANTS.add("202 comes before `accepted`", Scenario(), "I1")
def reply_too_early(patch: Patch) -> None:
    reply_before_writing(patch, "accepted")


@MUTANTS.add(
    "a key answered with another job is not written down", Scenario(_SAME, resends=3), "I5"
)
def forget_duplicates(patch: Patch) -> None:
    reply_before_writing(patch, "deduplicated")


@MUTANTS.add(
    "a retry in place does not remember its key", Scenario(silences=2, retries=1, repeats=2), "I5"
)
def forget_retries(patch: Patch) -> None:
    def without_key(**fact: Any) -> JobEvent:
        return RetryScheduled(**{**fact, "key": None})

    patch.setattr(retry, "RetryScheduled", without_key)


@MUTANTS.add(
    "a run message is done with where the event is in the budget record only",
    Scenario(holds=True),
    "I1",
)
def drop_what_is_held(patch: Patch) -> None:
    async def read(self: Worker, _project: str, job: str) -> LogEntry | None:
        return await self.read(job)

    patch.setattr(Worker, "find", read)

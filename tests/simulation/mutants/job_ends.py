"""What goes on by itself, and how it ends."""

from dataclasses import replace
from typing import Any

from heliograph.contracts.assets import Asset
from heliograph.contracts.deadlines import expiry
from heliograph.contracts.errors import JobError
from heliograph.contracts.job_events import Failed, Succeeded
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.transitions import transition
from services.gateway.jobs import cancellation
from services.status.maintenance import sweep_rules
from services.status.maintenance.sweeper import Sweeper
from tests.simulation.mutants.registry import Mutants, Patch
from tests.simulation.processes import gate
from tests.simulation.scenario import Scenario
from tests.simulation.workers import Keeper

MUTANTS = Mutants()

_SILENT = Scenario(silences=1, crashes=1, freezes=1)


@MUTANTS.add("there is no reaper", Scenario(crashes=1), "I1")
def no_reaper(patch: Patch) -> None:
    patch.setattr(sweep_rules, "needs_work", lambda _: False)


@MUTANTS.add("nobody puts back what did not fit into the queue", Scenario(fulls=1), "I1")
def forgotten_tickets(patch: Patch) -> None:
    patch.setattr(sweep_rules, "needs_work", lambda _: False)


@MUTANTS.add("the reaper ends what it cannot find", Scenario(crashes=1), "I2")
def cruel_reaper(patch: Patch) -> None:
    async def end(self: Sweeper, job: str) -> None:
        entry = await self._events.job(job)
        assert entry
        await transition(self._events, entry, expiry(entry.record))

    patch.setattr(Sweeper, "_requeue", end)


@MUTANTS.add("the reaper takes `submit_unknown` for lost", _SILENT, "I1")
def restless_reaper(patch: Patch) -> None:
    patch.setattr(sweep_rules, "needs_work", lambda job: not job.step.is_final)


@MUTANTS.add(
    "a cancel of `submit_unknown` waits for a worker", Scenario(silences=1, cancels=1), "I1"
)
def cancel_waits(patch: Patch) -> None:
    somebody = cancellation._UNOWNED_STEPS - {Step.SUBMIT_UNKNOWN}
    patch.setattr(cancellation, "_UNOWNED_STEPS", somebody)


@MUTANTS.add("storage does not look at the wish to stop", Scenario(cancels=1), "I2")
def store_anyway(patch: Patch) -> None:
    store = Keeper._advance

    async def unasked(self: Keeper, entry: LogEntry, *turn: Any) -> Record:
        internal = entry.record.internal.model_copy(update={"cancel": False})
        body = entry.record.model_copy(update={"internal": internal})
        return await store(self, replace(entry, event=replace(entry.event, body=body)), *turn)

    patch.setattr(Keeper, "_advance", unasked)


@MUTANTS.add("what cannot be used is thrown away", Scenario(failures=1), "I7")
def thrown_away(patch: Patch) -> None:
    ending = Keeper._ending

    async def without(
        self: Keeper, record: Record, assets: list[Asset], refused: dict[int, JobError]
    ) -> Succeeded | Failed:
        end = await ending(self, record, assets, refused)
        return replace(end, assets=[]) if isinstance(end, Failed) else end

    patch.setattr(Keeper, "_ending", without)


@MUTANTS.add("`succeeded` comes before the bytes", Scenario(), "I7")
def succeeded_too_early(patch: Patch) -> None:
    async def keep_later(*_: object) -> tuple[list[object], dict[int, object]]:
        await gate("keep")
        return [], {}

    patch.setattr(Keeper, "_keep_all", keep_later)

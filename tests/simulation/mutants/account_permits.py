"""Places in accounts: taken in time, kept as long as needed, given back by all means."""

from typing import Any

from heliograph.contracts.job_steps import Step
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker import run
from services.status.maintenance import sweep_rules
from tests.simulation.mutants.registry import Mutants, Patch
from tests.simulation.processes import gate
from tests.simulation.scenario import PlannedRequest, Scenario
from tests.simulation.simulated_bus import Accounts

MUTANTS = Mutants()

_TWO = (PlannedRequest("a", "x"), PlannedRequest("b", "y"))

_WOKEN = Scenario(freezes=2, refusals=1, half_moves=1, lost_acks=1, freeze_at=("free",))
_SILENT = Scenario(silences=1, crashes=1, freezes=1)


@MUTANTS.add("a place is not taken before `started`", Scenario(), "I4")
def no_place(patch: Patch) -> None:
    take = Accounts.acquire

    async def take_by_force(self: Accounts, *job: Any, force: bool = False) -> bool:
        return not force or await take(self, *job, force=force)

    patch.setattr(Accounts, "acquire", take_by_force)


@MUTANTS.add("a place is not the job's own when it comes again", Scenario(crashes=1), "I1")
def no_second_take(patch: Patch) -> None:
    take = Accounts.acquire

    async def take_anew(self: Accounts, account: str, job: str, seen: int, **force: bool) -> bool:
        mine = job in self.holders and not force
        return not mine and await take(self, account, job, seen, **force)

    patch.setattr(Accounts, "acquire", take_anew)
    patch.setattr(Accounts, "has_room", lambda self, _: len(self.holders) < self.cap)


@MUTANTS.add("a place is given back before the provider is done", Scenario(), "I4")
def place_given_back(patch: Patch) -> None:
    take = Accounts.acquire

    async def leave(self: Accounts, account: str, job: str, seen: int, **force: bool) -> bool:
        if force:
            await self.release(account, job, seen + 1)
        return bool(force) or await take(self, account, job, seen)

    patch.setattr(Accounts, "acquire", leave)


@MUTANTS.add(
    "a place does not say when it was taken",
    Scenario(_TWO, freezes=2, half_moves=1, refusals=1),
    "I4",
)
def place_without_time(patch: Patch) -> None:
    async def free(self: Accounts, account: str, job: str, seen: int) -> None:
        await gate("free", job)
        self.holders.pop(job, None)

    patch.setattr(Accounts, "release", free)


@MUTANTS.add("an event ends the claims that are made on it, too", _WOKEN, "I4")
def place_of_the_next(patch: Patch) -> None:
    free = Accounts.release

    async def free_more(self: Accounts, account: str, job: str, seen: int) -> None:
        await free(self, account, job, seen + 1)

    patch.setattr(Accounts, "release", free_more)


@MUTANTS.add("a message of an earlier run gives the place of a later one back", _WOKEN, "I4")
def place_of_others(patch: Patch) -> None:
    patch.setattr(run, "_UNDER_WAY", frozenset())


@MUTANTS.add("`submit_unknown` keeps its place", _SILENT, "I6")
def place_of_unknown(patch: Patch) -> None:
    leave = run._hand_over

    async def stay(worker: Any, entry: LogEntry) -> LogEntry | run.MessageDone:
        if entry.record.step is Step.SUBMIT_UNKNOWN:
            return run.MessageDone.DONE
        return await leave(worker, entry)

    patch.setattr(run, "_hand_over", stay)
    patch.setattr(sweep_rules, "NEEDS_NO_ACCOUNT", frozenset({Step.RENDERED}))


@MUTANTS.add(
    "nobody looks for forgotten places",
    Scenario(freezes=1, crashes=2, freeze_at=("take",), crash_at=("free",)),
    "I6",
)
def no_reaper_of_places(patch: Patch) -> None:
    patch.setattr(Accounts, "names", lambda _: [])

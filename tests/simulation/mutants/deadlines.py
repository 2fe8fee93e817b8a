"""Deadlines at the provider, and what is learned after an end."""

from dataclasses import replace
from typing import Any

from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from services.render.worker import completion, event_writer, fitting_events, poll, run
from services.render.worker.context import Worker
from services.status.maintenance import sweep_rules, sweeper
from tests.simulation.mutants.registry import Mutants, Patch
from tests.simulation.scenario import PlannedRequest, Scenario
from tests.simulation.workers import Keeper

MUTANTS = Mutants()

_HURRIED = (PlannedRequest("a", "x", within=40),)
_SLOW = Scenario(_HURRIED, freezes=1)


@MUTANTS.add("a deadline ends at once what is at the provider", Scenario(_HURRIED), "I9")
def no_request_to_stop(patch: Patch) -> None:
    patch.setattr(sweeper, "AT_PROVIDER", frozenset())


@MUTANTS.add("the reaper leaves the worker no time to stop", Scenario(_HURRIED), "I9")
def no_patience(patch: Patch) -> None:
    patch.setattr(sweep_rules, "max_stop_seconds", lambda *_: 0.0)


@MUTANTS.add("a worker does not stop what expires", Scenario(_HURRIED), "I9")
def deaf_worker(patch: Patch) -> None:
    patch.setattr(poll, "_is_to_stop", lambda record: record.internal.cancel)


@MUTANTS.add(
    "what is rendered after its deadline is stored all the same",
    Scenario(_HURRIED, inline=True, freezes=1),
    "I9",
)
def stored_too_late(patch: Patch) -> None:
    leave, store = run._hand_over, Keeper._advance

    def in_time(entry: LogEntry) -> LogEntry:
        internal = entry.record.internal.model_copy(update={"expire": False})
        body = entry.record.model_copy(update={"internal": internal})
        return replace(entry, event=replace(entry.event, body=body))

    async def leave_it(worker: Worker, entry: LogEntry) -> LogEntry | run.MessageDone:
        return await leave(worker, in_time(entry))

    async def keep_it(self: Keeper, entry: LogEntry, *turn: Any) -> Record:
        return await store(self, in_time(entry), *turn)

    patch.setattr(run, "_hand_over", leave_it)
    patch.setattr(Keeper, "_advance", keep_it)


@MUTANTS.add("an answer that comes after the end is dropped", _SLOW, "I1", "I9")
def dropped_response(patch: Patch) -> None:
    patch.setattr(fitting_events, "late_event", lambda *_: None)


@MUTANTS.add("what runs on after the end is followed by nobody", _SLOW, "I9")
def not_followed(patch: Patch) -> None:
    async def look_away(worker: Worker, entry: LogEntry) -> run.MessageDone:
        return run.MessageDone.DONE

    patch.setattr(run, "complete", look_away)


@MUTANTS.add(
    "the place of a request that runs on is given back with the end",
    Scenario(_HURRIED, freezes=1, freeze_at=("poll",)),
    "I4",
)
def place_of_the_late(patch: Patch) -> None:
    complete = completion.complete

    async def give_back(worker: Worker, entry: LogEntry) -> LogEntry | None:
        account, job = entry.record.internal.account, entry.record.id
        await worker.accounts.release(account, job, entry.sequence + 1)
        return await complete(worker, entry)

    patch.setattr(run, "complete", give_back)


@MUTANTS.add("a job ends where its last event is", _SLOW, "I9")
def moving_end(patch: Patch) -> None:
    patch.setattr(Record, "ended", lambda _, sequence: sequence)


@MUTANTS.add(
    "who learns of a request after the end tells no other worker",
    Scenario(cancels=1, freezes=1, crashes=1, freeze_at=("append",), crash_at=("take", "stop")),
    "I9",
)
def told_to_nobody(patch: Patch) -> None:
    async def keep_it(*_: Any) -> None:
        return None

    patch.setattr(event_writer, "_leave_to_a_worker", keep_it)

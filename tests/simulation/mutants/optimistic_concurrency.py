"""Compare-and-append, and what absorbs: without them, two writers both win."""

from datetime import timedelta

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.job_steps import FINAL
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import transitions
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.testing.event_log import MemoryEventLog
from services.status.maintenance import sweep_rules
from tests.simulation.mutants.registry import Mutants, Patch
from tests.simulation.scenario import PlannedRequest, Scenario
from tests.simulation.virtual_time import now

MUTANTS = Mutants()

_HURRIED = (PlannedRequest("a", "x", within=40),)

_STALE = Scenario(crashes=1, freezes=2, half_moves=1)


def _do_not_compare(patch: Patch, *names: str) -> None:
    compare = MemoryEventLog.is_lost

    def is_lost(
        self: MemoryEventLog, event: EventEnvelope, latest: LogEntry | None, expected_last: int
    ) -> bool:
        return event.name not in names and compare(self, event, latest, expected_last)

    patch.setattr(MemoryEventLog, "is_lost", is_lost)


@MUTANTS.add("`submitting` is appended without comparing", _STALE, "I2", "I3", "I7")
def submitting_without_compare(patch: Patch) -> None:
    _do_not_compare(patch, "submitting")


@MUTANTS.add("`started` is appended without comparing", _STALE, "I2", "I3", "I7")
def started_without_compare(patch: Patch) -> None:
    _do_not_compare(patch, "started")


@MUTANTS.add("nothing is compared", _STALE, "I2", "I3", "I7")
def nothing_compared(patch: Patch) -> None:
    patch.setattr(MemoryEventLog, "is_lost", lambda *_: False)


@MUTANTS.add("`accepted` may follow another `accepted`", Scenario(resends=2), "I5")
def accepted_without_compare(patch: Patch) -> None:
    _do_not_compare(patch, "accepted")


@MUTANTS.add("final states do not absorb", Scenario(_HURRIED), "I2")
def final_is_not_final(patch: Patch) -> None:
    patch.setattr(
        transitions,
        "TRANSITIONS",
        {name: steps | FINAL for name, steps in transitions.TRANSITIONS.items()},
    )
    is_due = sweep_rules.is_due

    def is_past(job: Record, after: timedelta) -> bool:
        return is_due(job, after) or bool(job.finish_by and job.finish_by <= now())

    patch.setattr(sweep_rules, "is_due", is_past)

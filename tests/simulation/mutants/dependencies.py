"""Jobs that wait for others, and results that are used again."""

from heliograph.contracts.records import Record
from heliograph.runtime.bus import EventLog, WorkQueue
from services.render import dependency_failures
from services.render.dependencies import DependencyStatus
from services.render.worker import run
from tests.simulation import clients, workers
from tests.simulation.mutants.registry import Mutants, Patch
from tests.simulation.scenario import PlannedRequest, Scenario

MUTANTS = Mutants()

_ONE_AFTER_THE_OTHER = (PlannedRequest("a", "x"), PlannedRequest("b", "y", after=("a",)))
_TWICE = (PlannedRequest("a", "x"), PlannedRequest("b", "x", reuses=True))


@MUTANTS.add(
    "a worker does not look whether its job must wait",
    Scenario(_ONE_AFTER_THE_OTHER, hastes=1),
    "I8",
)
def blind_worker(patch: Patch) -> None:
    async def see_nothing(*_: object) -> DependencyStatus:
        return DependencyStatus(open=[], failed=None)

    patch.setattr(run, "dependency_status", see_nothing)


@MUTANTS.add(
    "nobody ends a job that waits in vain", Scenario(_ONE_AFTER_THE_OTHER, cancels=1), "I1"
)
def endless_wait(patch: Patch) -> None:
    async def wait_on(*_: object) -> DependencyStatus:
        return DependencyStatus(open=["a"], failed=None)

    patch.setattr(dependency_failures, "dependency_status", wait_on)


@MUTANTS.add(
    "a job that waited in vain stays in the queue",
    Scenario(_ONE_AFTER_THE_OTHER, cancels=1, crashes=1, crash_at=("purge",)),
    "I1",
)
def left_in_the_queue(patch: Patch) -> None:
    give_up = dependency_failures.fail_if_dependency_failed

    async def unless_it_ended(events: EventLog, work: WorkQueue, job: str) -> bool:
        entry = await events.last(job)
        return bool(entry and entry.record.step.is_final) or await give_up(events, work, job)

    patch.setattr(workers, "fail_if_dependency_failed", unless_it_ended)


@MUTANTS.add("a result is used again before its bytes are there", Scenario(_TWICE), "I7")
def early_reuse(patch: Patch) -> None:
    def has_a_digest(record: Record, _: str, digest: str) -> bool:
        return record.internal.result_digest == digest

    patch.setattr(clients, "is_cached_for", has_a_digest)

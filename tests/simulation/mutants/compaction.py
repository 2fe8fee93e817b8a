"""What a job keeps when it makes room, and what its key is answered with afterwards."""

from decimal import Decimal

from heliograph.contracts import state_machine
from heliograph.contracts.compaction import shrunk
from heliograph.contracts.records import Record
from tests.simulation.mutants.registry import Mutants, Patch
from tests.simulation.scenario import Scenario
from tests.simulation.simulated_bus import Events

MUTANTS = Mutants()

_REPEATED = Scenario(resends=3, purges=2)


def _shrink(patch: Patch, name: str, value: object) -> None:
    """Compaction that changes one more thing inside."""

    def more(record: Record) -> Record:
        small = shrunk(record)
        inner = small.internal.model_copy(update={name: value})
        return small.model_copy(update={"internal": inner})

    patch.setattr(state_machine, "shrunk", more)


@MUTANTS.add("compaction loses what the key stands for", _REPEATED, "I5")
def no_digest(patch: Patch) -> None:
    _shrink(patch, "body_digest", "")


@MUTANTS.add("compaction loses what was paid for", Scenario(purges=2), "I7")
def no_costs(patch: Patch) -> None:
    def free(record: Record) -> Record:
        small = shrunk(record)
        return small.model_copy(
            update={"cost": small.cost.model_copy(update={"actual": Decimal(0)})}
        )

    patch.setattr(state_machine, "shrunk", free)


@MUTANTS.add("a trimmed job loses its last event, too", _REPEATED, "I1", "I3", "I5")
def trimmed_away(patch: Patch) -> None:
    def trim(self: Events, job: str) -> None:
        self._by_job[job].clear()

    patch.setattr(Events, "trim", trim)

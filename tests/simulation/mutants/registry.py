"""How a safeguard is taken out, and among which faults it is missed."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.runtime.bus import OnDecided
from heliograph.runtime.bus.log_entries import LogEntry
from tests.simulation.processes import gate
from tests.simulation.scenario import Scenario
from tests.simulation.simulated_bus import Events

Patch = pytest.MonkeyPatch
TakeOut = Callable[[Patch], None]


@dataclass(frozen=True)
class Mutant:
    """One safeguard less."""

    name: str  #: what is done instead
    scenario: Scenario
    breaks: tuple[str, ...]  #: promises, any of them
    take_out: TakeOut


class Mutants(list[Mutant]):
    """Mutants of one subject."""

    def add(self, name: str, scenario: Scenario, *breaks: str) -> Callable[[TakeOut], TakeOut]:
        """The function decorated takes the safeguard out."""

        def register(take_out: TakeOut) -> TakeOut:
            self.append(Mutant(name, scenario, breaks, take_out))
            return take_out

        return register


def reply_before_writing(patch: Patch, name: str) -> None:
    """An event of that name is said to be written, and never is."""
    append = Events.append

    async def forget(
        self: Events, event: EventEnvelope, after: int, on_decided: OnDecided | None = None
    ) -> LogEntry:
        if event.name != name:
            return await append(self, event, after, on_decided)
        await gate("append", event.body.id, name)
        return LogEntry(after, event)

    patch.setattr(Events, "append", forget)

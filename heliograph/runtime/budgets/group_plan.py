"""Plan of a group: which of the events that cost money fit into a budget together. Pure."""

import asyncio
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from heliograph.contracts.budgets.admission import hold
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import HeliographError, OverBudget
from heliograph.contracts.records import Record
from heliograph.runtime.bus.atomic_batch import ComparedMessage
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.group_commit import MOST, MOST_BYTES
from heliograph.runtime.bus.log_entries import LogEntry


@dataclass(frozen=True, eq=False)
class WaitingEvent:
    """An event that waits for its group."""

    event: EventEnvelope
    after: int  #: sequence of the last event of its job
    entry: asyncio.Future[LogEntry] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def store(self, sequence: int, event: EventEnvelope) -> None:
        """It is in the log."""
        if not self.entry.done():
            self.entry.set_result(LogEntry(sequence, event))

    def refuse(self, error: HeliographError | Conflict) -> None:
        """It is not in the log, or may not be."""
        if not self.entry.done():
            self.entry.set_exception(copy(error))


@dataclass(frozen=True)
class Held:
    """An event that fits, with its hold."""

    waiting: WaitingEvent
    event: EventEnvelope
    message: ComparedMessage


@dataclass(frozen=True)
class Refused:
    """An event that does not fit."""

    waiting: WaitingEvent
    error: OverBudget


@dataclass(frozen=True)
class GroupPlan:
    """What is to be stored in one batch, and what is refused."""

    budget: BudgetRecord  #: with the holds of all that is to be stored
    held: list[Held]
    refused: list[Refused]


def next_group(waiting: Iterable[WaitingEvent]) -> list[WaitingEvent]:
    """Those that are next, in order, each job once."""
    group: dict[str, WaitingEvent] = {}
    for each in waiting:
        group.setdefault(each.event.subject, each)
        if len(group) == MOST:
            break
    return list(group.values())


def plan_group(budget: BudgetRecord, group: Sequence[WaitingEvent], at: datetime) -> GroupPlan:
    """
    Hold the price of each that fits, in order. What is over the size of a batch is in neither list.

    Args:
        budget: With the periods that are running.
    """
    held: list[Held] = []
    refused: list[Refused] = []
    size = 0
    for each in group:
        job = each.event.body
        assert isinstance(job, Record), "a marker costs nothing"
        try:
            after, holder = hold(budget, job, job.cost, at)
        except OverBudget as error:
            refused.append(Refused(each, error))
            continue
        event = replace(each.event, body=holder)
        message = ComparedMessage(
            subject=event.subject, data=event.data(), headers=event.headers(), after=each.after
        )
        size += message.size
        if held and size > MOST_BYTES:
            break
        held.append(Held(each, event, message))
        budget = after
    return GroupPlan(budget, held, refused)

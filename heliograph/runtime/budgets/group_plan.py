"""Plan of a group: which of the events that cost money fit into a budget together. Pure."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from heliograph.contracts.budgets.admission import cost_to_hold
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.budgets.users import BudgetRecords, counted_users, hold_job
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import HeliographError, OverBudget, TooManyJobs, Unavailable
from heliograph.contracts.records import Record
from heliograph.runtime.bus import OnDecided
from heliograph.runtime.bus.atomic_batch import ComparedMessage
from heliograph.runtime.bus.budget_log import BudgetEntry
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.group_commit import MOST, MOST_BYTES
from heliograph.runtime.bus.log_entries import LogEntry

Change = Callable[[BudgetRecords, datetime], BudgetRecords]
Refusal = OverBudget | TooManyJobs | Unavailable

_MOST_USERS = (
    600  #: of a group: their records are in its batch, of which the server takes 1,000 messages
)

_MOST_PENDING = 16 * 2**10  #: bytes; a project has 1,000 records in the log


@dataclass(frozen=True, eq=False)
class WaitingEvent:
    """An event that waits for its group."""

    event: EventEnvelope
    expected_last: int  #: sequence of the last event of its job
    plan: str | None = None  #: the bulk request from whose hold the job takes its price
    on_decided: OnDecided | None = None  #: called once it is held alone
    entry: asyncio.Future[LogEntry] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def subject(self) -> object:
        """Deduplication key: a group contains it at most once."""
        return self.event.subject

    @property
    def job(self) -> Record:
        """The job as the event leaves it."""
        job = self.event.body
        assert isinstance(job, Record), "a marker costs nothing"
        return job

    def users(self, budget: BudgetRecord) -> set[str]:
        """Digests of the users whose budgets it is about."""
        return counted_users(budget, [self.job])

    @property
    def is_done(self) -> bool:
        return self.entry.done()

    def store(self, sequence: int, event: EventEnvelope) -> None:
        """Resolve with the stored entry."""
        if not self.entry.done():
            self.entry.set_result(LogEntry(sequence, event))

    def refuse(self, error: HeliographError | Conflict) -> None:
        """Fail: the event is not stored, or may not be."""
        if not self.entry.done():
            self.entry.set_exception(copy(error))


@dataclass(frozen=True, eq=False)
class WaitingChange:
    """A change of the budget without an event, which waits for its group."""

    change: Change
    names: frozenset[str] = frozenset()  #: digests of the users whose budgets it is about
    made: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def subject(self) -> object:
        """Deduplication key: a group contains it at most once."""
        return self

    def users(self, budget: BudgetRecord) -> set[str]:
        """Digests of the users whose budgets it is about."""
        return {*self.names} if budget.limits.user.is_set else set()

    @property
    def is_done(self) -> bool:
        return self.made.done()

    def store(self) -> None:
        """Resolve: the change is stored."""
        if not self.made.done():
            self.made.set_result(None)

    def refuse(self, error: HeliographError | Conflict) -> None:
        """Fail: the change is not stored, or may not be."""
        if not self.made.done():
            self.made.set_exception(copy(error))


Waiting = WaitingEvent | WaitingChange


@dataclass(frozen=True)
class Held:
    """An event that fits, with its hold."""

    waiting: WaitingEvent
    event: EventEnvelope
    message: ComparedMessage


@dataclass(frozen=True)
class Refused:
    """An event, or a change, that does not fit."""

    waiting: Waiting
    error: Refusal


@dataclass(frozen=True)
class GroupPlan:
    """Events and changes to store in one batch, and the refused ones."""

    budgets: BudgetRecords  #: with the holds of all that is to be stored
    held: list[Held] = field(default_factory=list)
    changes: list[WaitingChange] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def is_new_job_alone(plan: GroupPlan, users: Collection[BudgetEntry]) -> bool:
    """
    Whether nothing but one first event is to be stored with the record of the project, and the record may have it
    with it.

    Args:
        users: Records of users that are to be replaced.
    """
    if plan.changes or users or len(plan.held) != 1:
        return False
    [held] = plan.held
    return held.waiting.expected_last == 0 and held.message.size <= _MOST_PENDING


def next_group(waiting: Iterable[Waiting]) -> list[Waiting]:
    """The next waiting entries in order, each job once."""
    group: dict[object, Waiting] = {}
    users = 0
    for each in waiting:
        users += len(each.names) if isinstance(each, WaitingChange) else 1
        if len(group) == MOST or (group and users > _MOST_USERS):
            break
        group.setdefault(each.subject, each)
    return list(group.values())


def plan_group(budgets: BudgetRecords, group: Sequence[Waiting], at: datetime) -> GroupPlan:
    """
    Hold the price of each that fits, in order. What is over the size of a batch is in no list.

    Args:
        budgets: With the periods that are running, and with every user that the group is about.
    """
    plan, size = GroupPlan(budgets), 0
    for each in group:
        try:
            if isinstance(each, WaitingChange):
                plan = replace(plan, budgets=each.change(plan.budgets, at))
                plan.changes.append(each)
                continue
            after, held = _held(plan.budgets, each, at)
        except (OverBudget, TooManyJobs, Unavailable) as error:
            plan.refused.append(Refused(each, error))
            continue
        size += held.message.size
        if plan.held and size > MOST_BYTES:
            break
        plan.held.append(held)
        plan = replace(plan, budgets=after)
    return plan


def _held(
    budgets: BudgetRecords, waiting: WaitingEvent, at: datetime
) -> tuple[BudgetRecords, Held]:
    after, holder = hold_job(budgets, waiting.job, cost_to_hold(waiting.job), at, waiting.plan)
    event = replace(waiting.event, body=holder)
    message = ComparedMessage(
        subject=event.subject,
        data=event.data(),
        headers=event.headers(),
        expected_last=waiting.expected_last,
    )
    return after, Held(waiting, event, message)

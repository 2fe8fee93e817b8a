"""
Record cache: the budget records that this process wrote last, so that its next commit reads none.

A commit compares the record of the project, so one that another process has replaced makes it fail; then
the records are read again. Refusals are never decided on what is remembered.
"""

import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from cachetools import LRUCache

from heliograph.contracts.budgets.record import BudgetRecord, rolled
from heliograph.contracts.budgets.users import BudgetRecords, user_budget
from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.budget_log import BudgetEntry, BudgetLog
from heliograph.runtime.clock import now

_RECORDS = 10_000  #: that are remembered, of projects and users; each has some kilobytes
_USERS = 1_000  #: of a project
_PROJECTS = 1_000  #: of which it is known that others write as well
#: seconds in which records are read before each commit, once another process was faster: a commit that fails
#: was staged for nothing
_SHARED_FOR = 1.0

UsersOf = Callable[
    [BudgetRecord], Collection[str]
]  #: digests of users, by the budget of the project


class ReadBudgets(NamedTuple):
    """Budgets with the periods that are running, and where their records stand in the log."""

    budgets: BudgetRecords
    sequence: int
    users: dict[str, BudgetEntry]  #: as they are stored, by digest
    is_remembered: bool  #: the record of the project may be another one by now

    def changed(self, after: BudgetRecords) -> list[BudgetEntry]:
        """The records of users that are others now, each with the sequence of the one before."""
        before = self.budgets.users
        return [
            BudgetEntry(self.users[name].sequence, own)
            for name, own in after.users.items()
            if own != before[name]
        ]


class _Known(NamedTuple):
    entry: BudgetEntry
    users: dict[
        str, BudgetEntry
    ]  #: that were read, or written, since; only together with the project's


def _records(known: _Known) -> int:
    return 1 + len(known.users)


class BudgetRecordCache:
    """
    Reads budgets for the commits of one process; those of a project come one after the other.

    Raises:
        Unavailable: The log does not respond, or the budget of the project is being set or removed.
    """

    def __init__(self, budgets: BudgetLog) -> None:
        self._budgets = budgets
        self._known: LRUCache[str, _Known] = LRUCache(_RECORDS, getsizeof=_records)
        self._shared_at: LRUCache[str, float] = LRUCache(_PROJECTS)

    async def read(self, project: str, users_of: UsersOf) -> ReadBudgets:
        """The budgets of a project and of some of its users, from the leader of the stream."""
        self._known.pop(project, None)
        entry = await self._budgets.read(project)
        return await self._with_users(_Known(entry, {}), users_of, is_remembered=False)

    async def known(self, project: str, users_of: UsersOf) -> ReadBudgets:
        """The same, without reading what this process knows."""
        known = self._known.get(project)
        if known is None:
            return await self.read(project, users_of)
        return await self._with_users(known, users_of, is_remembered=True)

    async def _with_users(
        self, known: _Known, users_of: UsersOf, *, is_remembered: bool
    ) -> ReadBudgets:
        entry = known.entry
        if entry.active is None:
            detail = "the budget of the project is being set; set it again if this lasts"
            raise Unavailable(detail, retry_after=1)
        budget = rolled(entry.active, now())
        names = set(users_of(budget))
        read = await self._budgets.read_users(budget.project, names - known.users.keys())
        stored = known.users | read
        at = now()
        users = {name: user_budget(budget, name, stored[name].budget, at) for name in names}
        return ReadBudgets(BudgetRecords(budget, users), entry.sequence, stored, is_remembered)

    def sequence_of(self, project: str) -> int | None:
        """Sequence of the record that this process knows of a project."""
        known = self._known.get(project)
        return known.entry.sequence if known else None

    def note(self, read: ReadBudgets, after: BudgetRecords, first: int) -> None:
        """
        The budgets after a commit.

        Args:
            first: Sequence of the first record in it: those of users that have changed, then the
                project's.
        """
        project = after.project.project
        if time.monotonic() - self._shared_at.get(project, float("-inf")) < _SHARED_FOR:
            return
        changed = [each.budget for each in read.changed(after)]
        written = {
            own.user: BudgetEntry(sequence, own)
            for sequence, own in enumerate(changed, first)
            if own and own.user
        }
        users = read.users
        if len(users) > _USERS:
            users = {name: users[name] for name in after.users}
        entry = BudgetEntry(first + len(changed), after.project)
        self._known[project] = _Known(entry, users | written)

    def forget(self, project: str, *, is_shared: bool = False) -> None:
        """Read again. With `is_shared` another process was faster, and will write more."""
        self._known.pop(project, None)
        if is_shared:
            self._shared_at[project] = time.monotonic()

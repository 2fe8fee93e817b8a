"""Event log with budgets: what costs money goes through the committer, where a budget is set."""

from collections.abc import Callable, Collection
from typing import Protocol

from heliograph.contracts.budgets.admission import hold
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.records import Record
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry
from heliograph.runtime.clock import now

_PAID = frozenset({"accepted", "retry_scheduled"})  #: events after which an attempt may be charged


class JobBudgets(Protocol):
    """Budgets, as far as acceptance asks them before anything is written."""

    def applies_to(self, job: Record) -> bool:
        """Whether a job needs room in a budget. Raises Unavailable: that is not known right now."""

    async def check(self, jobs: Collection[Record]) -> None:
        """
        Whether jobs of one project would fit into its budget now, all together.

        Raises:
            OverBudget: They would not, by what the leader of the stream says.
            Unavailable: The budget cannot be read.
        """


class NoBudgets:
    """`JobBudgets` where no project has one."""

    def applies_to(self, job: Record) -> bool:
        return False

    async def check(self, jobs: Collection[Record]) -> None:
        pass


class BudgetedEventLog:
    """
    `EventLog` and `JobBudgets`.

    Args:
        has_budget: Whether a project has a budget. May raise Unavailable.
    """

    def __init__(
        self, events: EventLog, committer: BudgetCommitter, has_budget: Callable[[str], bool]
    ) -> None:
        self.source = events.source
        self._events = events
        self._committer = committer
        self._has_budget = has_budget

    async def last(self, job: str) -> LogEntry | None:
        return await self._events.last(job)

    async def job(self, job: str) -> JobEntry | None:
        return await self._events.job(job)

    async def history(self, job: str, after: int, limit: int) -> list[LogEntry]:
        return await self._events.history(job, after, limit)

    async def append(self, event: EventEnvelope, after: int) -> LogEntry:
        """Append an event. Raises OverBudget beside what every event log raises."""
        job = event.body
        if event.name in _PAID and isinstance(job, Record) and self.applies_to(job):
            return await self._committer.append(event, after)
        return await self._events.append(event, after)

    def applies_to(self, job: Record) -> bool:
        return job.cost.estimated > 0 and self._has_budget(job.project)

    async def check(self, jobs: Collection[Record]) -> None:
        paid = [job for job in jobs if self.applies_to(job)]
        if not paid:
            return
        _, budget = await self._committer.read(paid[0].project)
        assert budget
        for job in paid:
            budget, _ = hold(budget, job, job.cost, now())

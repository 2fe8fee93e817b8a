"""Event log with budgets: what costs money goes through the committer, where a budget is set."""

from collections.abc import Collection
from datetime import datetime

import structlog

from heliograph.contracts.budgets.admission import cost_to_hold, hold
from heliograph.contracts.budgets.plans import hold_plan, release_plan
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import ServiceError
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.budgets.marks import BudgetMarks
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point

log = structlog.get_logger()

_HOLDING = frozenset({"accepted", "retry_scheduled"})  #: events after which a job may be submitted


class BudgetedEventLog:
    """`EventLog` and `JobBudgets`."""

    def __init__(self, events: EventLog, committer: BudgetCommitter, marks: BudgetMarks) -> None:
        self.source = events.source
        self._events = events
        self._committer = committer
        self._marks = marks
        self._plans: dict[str, str] = {}  #: job -> the bulk request that this process does

    async def last(self, job: str) -> LogEntry | None:
        return await self._events.last(job)

    async def job(self, job: str) -> JobEntry | None:
        return await self._events.job(job)

    async def history(self, job: str, after: int, limit: int) -> list[LogEntry]:
        return await self._events.history(job, after, limit)

    async def append(self, event: EventEnvelope, after: int) -> LogEntry:
        """Append an event. Raises OverBudget and TooManyJobs beside what every event log raises."""
        job = event.body
        if event.name in _HOLDING and isinstance(job, Record) and self.applies_to(job):
            return await self._committer.append(event, after, self._plans.get(job.id))
        return await self._events.append(event, after)

    def applies_to(self, job: Record) -> bool:
        if cost_to_hold(job).estimated > 0:
            return self._marks.has_budget(job.project)
        is_new = job.step is Step.ACCEPTED and not job.internal.reused
        return is_new and self._marks.counts_jobs(job.project)

    async def check(self, job: Record) -> None:
        if not self.applies_to(job):
            return
        _, budget = await self._committer.read(job.project)
        assert budget
        hold(budget, job, job.cost, now(), self._plans.get(job.id))

    async def hold_plan(self, name: str, jobs: Collection[Record]) -> None:
        counted = [job for job in jobs if self.applies_to(job)]
        self.resume_plan(name, [job.id for job in counted])
        if len(counted) < 2:  # one commit does it
            return

        def held(budget: BudgetRecord, at: datetime) -> BudgetRecord:
            return hold_plan(budget, name, counted, at)

        await self._committer.change(counted[0].project, held)
        crash_point("plan.held")

    def resume_plan(self, name: str, jobs: Collection[str]) -> None:
        self._plans |= dict.fromkeys(jobs, name)

    async def release_plan(self, project: str, name: str) -> None:
        jobs = [job for job, plan in self._plans.items() if plan == name]
        for job in jobs:
            del self._plans[job]
        try:
            if jobs and self._marks.has_budget(project):
                await self._committer.change(project, lambda budget, _: release_plan(budget, name))
        except ServiceError as error:
            log.info("Hold of a bulk request is left to its end", plan=name, reason=str(error))

"""Event log with budgets: what costs money goes through the committer, where a budget is set."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import NamedTuple

import structlog

from heliograph.contracts.budgets.admission import cost_to_hold
from heliograph.contracts.budgets.users import (
    BudgetRecords,
    hold_job,
    hold_plans,
    join_plans,
    release_plans,
    users_of,
)
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import ServiceError, Unavailable
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.budgets.job_budgets import PlanHolder
from heliograph.runtime.budgets.marks import BudgetMarks
from heliograph.runtime.bus import EventLog, OnDecided
from heliograph.runtime.bus.log_entries import JobEntry, LogEntry
from heliograph.runtime.clock import now
from heliograph.runtime.crash_points import crash_point

log = structlog.get_logger()

_HOLDING = frozenset({"accepted", "retry_scheduled"})  #: events after which a job may be submitted


class _Plan(NamedTuple):
    """Jobs of a bulk request that is under way here, and digests of their users."""

    jobs: frozenset[str]
    users: frozenset[str]


class BudgetedEventLog:
    """Event log that holds the price of a job with its event; implements `EventLog` and `JobBudgets`."""

    def __init__(self, events: EventLog, committer: BudgetCommitter, marks: BudgetMarks) -> None:
        self.source = events.source
        self._events = events
        self._committer = committer
        self._marks = marks
        self._plans: dict[PlanHolder, _Plan] = {}

    async def last(self, job: str) -> LogEntry | None:
        return await self._events.last(job)

    async def job(self, job: str) -> JobEntry | None:
        return await self._events.job(job)

    async def history(self, job: str, after: int, limit: int) -> list[LogEntry]:
        return await self._events.history(job, after, limit)

    async def append(
        self, event: EventEnvelope, expected_last: int, on_decided: OnDecided | None = None
    ) -> LogEntry:
        """Append an event. Raises OverBudget and TooManyJobs beside what every event log raises."""
        job = event.body
        if event.name in _HOLDING and isinstance(job, Record) and self.applies_to(job):
            plan = self._plan_of(job)
            return await self._committer.append(event, expected_last, plan, on_decided)
        return await self._events.append(event, expected_last)

    def look_up_ahead(self, project: str, job: str) -> None:
        self._committer.look_up_ahead(project, job)

    def applies_to(self, job: Record) -> bool:
        if cost_to_hold(job).estimated > 0:
            return self._marks.has_budget(job.project)
        is_new = job.step is Step.ACCEPTED and not job.internal.reused
        return is_new and self._marks.counts_jobs(job.project)

    async def check(self, job: Record) -> None:
        if not self.applies_to(job):
            return
        budgets = await self._committer.read(job)
        hold_job(budgets, job, job.cost, now(), self._plan_of(job))

    async def complete(self, project: str, jobs: Collection[str]) -> bool:
        try:
            has_budget = self._marks.has_budget(project)
        except Unavailable:  # nothing that costs money is accepted now, and nothing else was held
            return False
        return has_budget and await self._committer.complete(project, jobs)

    async def hold_plan(self, holder: PlanHolder, jobs: Collection[Record]) -> None:
        counted = [job for job in jobs if self.applies_to(job)]
        if len(counted) < 2:  # one commit does it
            await self.join_plan(holder, [job.id for job in counted], users_of(counted))
            return
        plan = _Plan(frozenset(job.id for job in counted), frozenset(users_of(counted)))
        self._plans[holder] = plan

        def held(budgets: BudgetRecords, at: datetime) -> BudgetRecords:
            return hold_plans(budgets, holder.plan, holder.id, counted, at)

        await self._committer.change(holder.project, held, plan.users)
        crash_point("plan.held")

    async def join_plan(
        self, holder: PlanHolder, jobs: Collection[str], users: Collection[str] = ()
    ) -> None:
        if not jobs:
            return
        self._plans[holder] = plan = _Plan(frozenset(jobs), frozenset(users))
        try:
            await self._change(holder, plan, join_plans)
        except ServiceError as error:
            log.info("Hold of a bulk request is not shared", plan=holder.plan, reason=str(error))

    async def release_plan(self, holder: PlanHolder) -> None:
        plan = self._plans.pop(holder, None)
        if plan is None:
            return
        try:
            await self._change(holder, plan, release_plans)
        except ServiceError as error:
            log.info(
                "Hold of a bulk request is left to its end", plan=holder.plan, reason=str(error)
            )

    async def _change(
        self,
        holder: PlanHolder,
        plan: _Plan,
        change: Callable[[BudgetRecords, str, str], BudgetRecords],
    ) -> None:
        if self._marks.has_budget(holder.project):
            await self._committer.change(
                holder.project,
                lambda budgets, _: change(budgets, holder.plan, holder.id),
                plan.users,
            )

    def _plan_of(self, job: Record) -> str | None:
        """Name of the bulk request under way here that the job is part of."""
        plans = (holder.plan for holder, plan in self._plans.items() if job.id in plan.jobs)
        return next(plans, None)

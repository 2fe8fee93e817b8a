"""Budget service: reads and sets the budget of a project."""

import asyncio
from contextlib import suppress

from heliograph.contracts.budgets.balances import recounted
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened, rolled
from heliograph.contracts.budgets.state import (
    BudgetState,
    SetBudget,
    budget_state,
    with_user_state,
)
from heliograph.contracts.errors import StateConflict
from heliograph.contracts.level import BUDGETS
from heliograph.contracts.user_digests import user_digest
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.conflicts import Conflict, retry_on_conflict
from heliograph.runtime.bus.job_balances import read_job_balances
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.clock import now
from services.gateway.projects.settings_store import ProjectSettings


class BudgetService:
    """
    Budgets of projects. Every method raises Unavailable.

    Args:
        confirmed_within: Seconds until every gateway knows that a project has a budget, or accepts
            nothing that costs money.
    """

    def __init__(
        self,
        bus: NatsBus,
        budgets: BudgetLog,
        projects: ProjectSettings,
        *,
        confirmed_within: float,
    ) -> None:
        self._bus = bus
        self._budgets = budgets
        self._projects = projects
        self._confirmed_within = confirmed_within

    async def read(self, project: str, user: str | None = None) -> BudgetState:
        """
        The budget of a project as it is now, and of one user; one without windows where it has none.
        """
        budget = (await self._budgets.stored(project)).active
        if budget is None:
            return BudgetState(project=project)
        state = budget_state(budget, now())
        if user is None or state.user is None:
            return state
        name = user_digest(user)
        stored = (await self._budgets.read_users(project, [name]))[name].budget
        return with_user_state(state, budget, user, stored, now())

    async def set(self, project: str, request: SetBudget) -> BudgetState:
        """
        Set the budget of a project, or remove it: then there is no limit in the request.

        Raises:
            StateConflict: Processes of an older release may run, which would not settle the budget.
            TooManyProjects: The limit of projects with settings is reached.
        """
        if not await self._bus.level.allows(BUDGETS):
            raise StateConflict(
                "processes of an older release may run; once none does, `heliograph level raise`"
            )
        if request.limits.is_set:
            return budget_state(await self._put(project, request), now())
        await self._projects.mark_budget(project, is_set=False)
        await self._remove_limits(project)
        return BudgetState(project=project)

    async def _put(self, project: str, request: SetBudget) -> BudgetRecord:
        counts = request.jobs_open is not None
        news = await self._projects.mark_budget(project, is_set=True, counts_jobs=counts or None)
        while True:
            if news.budget:  # gateways that knew of no budget held nothing: it is counted anew
                await self._remove_limits(project)
            entry = await self._budgets.read(project)
            if entry.active and news.open_jobs:  # until every gateway counts jobs that cost nothing
                await asyncio.sleep(self._confirmed_within)
                news = news._replace(open_jobs=False)
                continue
            if entry.active is None:
                await asyncio.sleep(self._confirmed_within)
                after = await self._counted(project, request)
            else:
                after = changed(rolled(entry.active, now()), request)
            with suppress(Conflict):
                await self._budgets.write(after, entry.sequence)
                # another request may have removed it meanwhile
                news = await self._projects.mark_budget(project, is_set=True, counts_jobs=counts)
                if not any(news):
                    return after

    async def _counted(self, project: str, request: SetBudget) -> BudgetRecord:
        """A first budget: its balances are counted from the log."""
        head = await self._bus.events.head()
        jobs = await read_job_balances(
            self._bus.jetstream, self._bus.events, project, settled=head, held=head
        )
        empty = opened(project, request.limits, request.zone, now(), since=head)
        return recounted(empty, jobs).model_copy(update={"settled": head})

    @retry_on_conflict
    async def _remove_limits(self, project: str) -> None:
        """A request without limits removes the budget."""
        entry = await self._budgets.read(project)
        if entry.active:
            unlimited = entry.active.model_copy(update={"limits": BudgetLimits()})
            await self._budgets.write(unlimited, entry.sequence)


def changed(budget: BudgetRecord, request: SetBudget) -> BudgetRecord:
    """The budget with other limits. Thresholds of a limit that changed are announced anew."""
    limits = request.limits
    windows = [
        each
        if limits.of(each.span) == budget.limits.of(each.span)
        else each.model_copy(update={"announced": 0})
        for each in budget.windows
    ]
    return budget.model_copy(update={"limits": limits, "zone": request.zone, "windows": windows})

"""
Plans in budgets: the prices of a bulk request's jobs are held together, all or none, before the first job
is accepted; each job then takes its part. Pure.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

from heliograph.contracts.budgets.record import BudgetRecord, without_plan
from heliograph.contracts.budgets.refusals import check_cost, check_jobs
from heliograph.contracts.errors import Unavailable
from heliograph.contracts.holds import PlanHold
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record

HELD_FOR = timedelta(minutes=2)  #: far longer than it takes to accept the jobs of a bulk request
MAX_PLANS = 100  #: of a project at once
MAX_HOLDERS = 100  #: of a plan


def plan_of(budget: BudgetRecord, name: str | None) -> PlanHold | None:
    """The plan of a bulk request; None where nothing is held for it."""
    return next((each for each in budget.plans if each.name == name), None)


def hold_plan(
    budget: BudgetRecord, name: str, holder: str, jobs: Collection[Record], at: datetime
) -> BudgetRecord:
    """
    The budget with the prices of the jobs of a bulk request held. A plan that is held already is shared: a
    copy of the request was faster.

    Args:
        budget: With the periods that are running, see `rolled`.
        holder: This copy of the request.

    Raises:
        OverBudget, TooManyJobs: The jobs together exceed a limit of the budget.
        Unavailable: Too many bulk requests of the project, or copies of this one, are being accepted.
    """
    if plan_of(budget, name):
        return join_plan(budget, name, holder)
    if len(budget.plans) >= MAX_PLANS:
        raise Unavailable("too many bulk requests are being accepted", retry_after=1)
    counted = len(jobs) if budget.limits.jobs_open is not None else 0
    plan = PlanHold(
        name=name,
        amount=sum((job.cost.estimated for job in jobs), Decimal(0)),
        day=budget.running("day").key,
        month=budget.running("month").key,
        jobs=counted,
        until=at + HELD_FOR,
        holders=[holder],
    )
    check_jobs(budget, counted)
    for currency in {job.cost.currency for job in jobs if job.cost.estimated}:
        check_cost(budget, plan, Cost(estimated=plan.amount, currency=currency), at)
    update = {"plans": [*budget.plans, plan], "jobs_open": budget.jobs_open + counted}
    return budget.with_held(plan, plan.amount).model_copy(update=update)


def join_plan(budget: BudgetRecord, name: str, holder: str) -> BudgetRecord:
    """
    The budget with one more copy of a bulk request that shares its plan, where it has one.

    Raises:
        Unavailable: Too many copies are being accepted.
    """
    plan = plan_of(budget, name)
    if plan is None or holder in plan.holders:
        return budget
    if len(plan.holders) >= MAX_HOLDERS:
        raise Unavailable("too many copies of the request are being accepted", retry_after=1)
    return _with_holders(budget, plan, [*plan.holders, holder])


def release_plan(budget: BudgetRecord, name: str, holder: str) -> BudgetRecord:
    """
    The budget once a copy of a bulk request is done. The last one gives back what is left of its plan; one
    that does not share it gives back nothing.
    """
    plan = plan_of(budget, name)
    if plan is None or holder not in plan.holders:
        return budget
    others = [each for each in plan.holders if each != holder]
    return _with_holders(budget, plan, others) if others else without_plan(budget, plan)


def _with_holders(budget: BudgetRecord, plan: PlanHold, holders: list[str]) -> BudgetRecord:
    shared = plan.model_copy(update={"holders": holders})
    plans = [shared if each is plan else each for each in budget.plans]
    return budget.model_copy(update={"plans": plans})


def with_part_taken(
    budget: BudgetRecord, plan: PlanHold, amount: Decimal, *, jobs: int
) -> BudgetRecord:
    """The budget once a job holds by itself what the plan held for it."""
    left = {"amount": plan.amount - amount, "jobs": plan.jobs - jobs}
    rest = [plan.model_copy(update=left)] if any(left.values()) else []
    others = [each for each in budget.plans if each is not plan]
    return budget.model_copy(update={"plans": [*others, *rest]})

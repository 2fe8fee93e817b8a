"""
Plans in budgets: the jobs of a bulk request are held together, all or none, before the first one is
accepted; each then takes its part. Pure.
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


def plan_of(budget: BudgetRecord, name: str | None) -> PlanHold | None:
    """The plan of a bulk request; None where nothing is held for it."""
    return next((each for each in budget.plans if each.name == name), None)


def hold_plan(
    budget: BudgetRecord, name: str, jobs: Collection[Record], at: datetime
) -> BudgetRecord:
    """
    The budget with the prices of the jobs of a bulk request held. A plan that is held already stays as it
    is: the same request was faster.

    Args:
        budget: With the periods that are running, see `rolled`.

    Raises:
        OverBudget, TooManyJobs: They do not fit together.
        Unavailable: Too many bulk requests of the project are being accepted.
    """
    if plan_of(budget, name):
        return budget
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
    )
    check_jobs(budget, counted)
    for currency in {job.cost.currency for job in jobs if job.cost.estimated}:
        check_cost(budget, plan, Cost(estimated=plan.amount, currency=currency), at)
    update = {"plans": [*budget.plans, plan], "jobs_open": budget.jobs_open + counted}
    return budget.with_held(plan, plan.amount).model_copy(update=update)


def release_plan(budget: BudgetRecord, name: str) -> BudgetRecord:
    """The budget once what is left of a plan is given back."""
    plan = plan_of(budget, name)
    return without_plan(budget, plan) if plan else budget


def with_part_taken(
    budget: BudgetRecord, plan: PlanHold, amount: Decimal, *, jobs: int
) -> BudgetRecord:
    """The budget once a job holds by itself what the plan held for it."""
    left = {"amount": plan.amount - amount, "jobs": plan.jobs - jobs}
    rest = [plan.model_copy(update=left)] if any(left.values()) else []
    others = [each for each in budget.plans if each is not plan]
    return budget.model_copy(update={"plans": [*others, *rest]})

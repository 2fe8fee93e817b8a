"""
User budgets: what each `user` may cost within the budget of a project, in the periods of the project. Pure.

A user has a record once a job of theirs costs something. It is stored only together with that of the project,
and is worth nothing any more when its periods are over.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from heliograph.contracts.budgets.admission import hold
from heliograph.contracts.budgets.periods import CALENDAR
from heliograph.contracts.budgets.plans import (
    hold_plan,
    join_plan,
    plan_of,
    release_plan,
    with_part_taken,
)
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, Window, without_plan
from heliograph.contracts.budgets.refusals import check_cost, too_many_users
from heliograph.contracts.budgets.settlement import movement, settle
from heliograph.contracts.holds import Hold
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.money import ZERO
from heliograph.contracts.records import Record
from heliograph.contracts.user_digests import user_digest

MAX_USERS = 10_000  #: of a project that have a record in a month


class BudgetRecords(NamedTuple):
    """The budget of a project, and those of the users concerned, by digest."""

    project: BudgetRecord
    users: Mapping[str, BudgetRecord]

    def with_user(self, name: str, own: BudgetRecord) -> "BudgetRecords":
        """With another record of a user."""
        return self._replace(users={**self.users, name: own})


def users_of(jobs: Iterable[Record]) -> set[str]:
    """Digests of the users of some jobs."""
    return {user_digest(job.user) for job in jobs if job.user}


def counted_user(budget: BudgetRecord, job: Record) -> str | None:
    """
    Digest of the user whose budget counts a job; None: none does. It is decided when the job is accepted,
    and stands in its hold. A budget that was removed and set again counts new jobs only.
    """
    if job.user is None:
        return None
    held = job.internal.reserved
    if held is None:
        counts = job.step is Step.ACCEPTED and budget.limits.user.is_set
    else:
        counts = held.user == budget.since
    return user_digest(job.user) if counts else None


def counted_users(budget: BudgetRecord, jobs: Iterable[Record]) -> set[str]:
    """Digests of the users whose budgets count some jobs."""
    return {name for job in jobs if (name := counted_user(budget, job))}


def user_budget(
    budget: BudgetRecord, name: str, stored: BudgetRecord | None, at: datetime
) -> BudgetRecord:
    """
    The budget of a user as it is now: the windows of the project, and of them what the user spent and holds.

    Args:
        budget: Of the project, with the periods that are running.
        stored: The record of the user, if there is one.
    """
    known = stored if stored and stored.since == budget.since else None
    limits = budget.limits.user
    own = BudgetRecord(
        project=budget.project,
        user=name,
        currency=budget.currency,
        zone=budget.zone,
        since=budget.since,
        limits=BudgetLimits(day=limits.day, month=limits.month),
        windows=[_own(known, each) for each in budget.windows if each.span in CALENDAR],
        plans=known.plans if known else [],
    )
    for plan in own.plans:
        if plan.until <= at:
            own = without_plan(own, plan)
    return own


def _own(known: BudgetRecord | None, window: Window) -> Window:
    """The part of a user in a window of the project."""
    matching = (each for each in (known.windows if known else ()) if each.key == window.key)
    empty = {"spent": ZERO, "held": ZERO, "announced": 0, "users": 0}
    own = next(matching, None)
    kept = {"spent": own.spent, "held": own.held, "users": own.users} if own else {}
    return window.model_copy(update={**empty, **kept})


def is_over(budget: BudgetRecord, own: BudgetRecord) -> bool:
    """Whether a record of a user says nothing any more: it is of periods that are over."""
    keys = {each.key for each in budget.windows}
    return own.since != budget.since or all(each.key not in keys for each in own.windows)


def hold_job(
    budgets: BudgetRecords, job: Record, cost: Cost, at: datetime, plan: str | None = None
) -> tuple[BudgetRecords, Record]:
    """
    `hold` in the budget of the project, and in that of the user where that counts the job.

    Raises:
        OverBudget, TooManyJobs: It does not fit into one of them.
    """
    project, held_job = hold(budgets.project, job, cost, at, plan)
    after = budgets._replace(project=project)
    name = counted_user(budgets.project, job) if cost.estimated else None
    if name is None:
        return after, held_job
    periods, is_new = held_job.internal.reserved, job.internal.reserved is None
    assert periods, "it was held just now"
    if is_new:
        after = _with_user_counted(after, name, at)
    own = _held(after.users[name], periods, cost, at, plan if is_new else None)
    marked = periods.model_copy(update={"user": project.since})
    internal = held_job.internal.model_copy(update={"reserved": marked})
    return after.with_user(name, own), held_job.model_copy(update={"internal": internal})


def _held(
    own: BudgetRecord, periods: Hold, cost: Cost, at: datetime, plan: str | None
) -> BudgetRecord:
    planned = plan_of(own, plan)
    if planned and planned.amount >= cost.estimated and planned.day == periods.day:
        return with_part_taken(own, planned, cost.estimated, jobs=0)
    check_cost(own, periods, cost, at)
    return own.with_held(periods, cost.estimated)


def hold_plans(
    budgets: BudgetRecords, name: str, holder: str, jobs: Collection[Record], at: datetime
) -> BudgetRecords:
    """`hold_plan` in the budget of the project, and in those of the users of the jobs. Raises the same."""
    after = budgets._replace(project=hold_plan(budgets.project, name, holder, jobs, at))
    for user, theirs in _by_user(budgets.project, jobs).items():
        after = _with_user_counted(after, user, at)
        after = after.with_user(user, hold_plan(after.users[user], name, holder, theirs, at))
    return after


def join_plans(budgets: BudgetRecords, name: str, holder: str) -> BudgetRecords:
    """`join_plan` in every budget. Raises the same."""
    users = {user: join_plan(own, name, holder) for user, own in budgets.users.items()}
    return BudgetRecords(join_plan(budgets.project, name, holder), users)


def release_plans(budgets: BudgetRecords, name: str, holder: str) -> BudgetRecords:
    """`release_plan` in every budget."""
    users = {user: release_plan(own, name, holder) for user, own in budgets.users.items()}
    return BudgetRecords(release_plan(budgets.project, name, holder), users)


def settle_job(budgets: BudgetRecords, sequence: int, event: str, job: Record) -> BudgetRecords:
    """`settle` in the budget of the project, and in that of the user where that counts the job."""
    project = settle(budgets.project, sequence, event, job)
    name = counted_user(budgets.project, job)
    if project is budgets.project or name is None:
        return budgets._replace(project=project)
    moved = movement(event, job)
    own = budgets.users[name].with_amounts(job, spent=moved.spent, held=-moved.released)
    return budgets._replace(project=project).with_user(name, own)


def _by_user(budget: BudgetRecord, jobs: Collection[Record]) -> dict[str, list[Record]]:
    """The jobs that cost something, by the user whose budget counts them."""
    jobs_of: dict[str, list[Record]] = {}
    for job in jobs:
        name = counted_user(budget, job) if job.cost.estimated else None
        if name:
            jobs_of.setdefault(name, []).append(job)
    return jobs_of


def _with_user_counted(budgets: BudgetRecords, name: str, at: datetime) -> BudgetRecords:
    """
    A user is counted with their first job of a month.

    Raises:
        OverBudget: There are too many of them.
    """
    month, own = budgets.project.running("month"), budgets.users[name]
    if own.running("month").users:
        return budgets
    if month.users >= MAX_USERS:
        raise too_many_users(budgets.project, month, at)
    after = budgets._replace(project=_with_users(budgets.project, month.users + 1))
    return after.with_user(name, _with_users(own, 1))


def _with_users(budget: BudgetRecord, count: int) -> BudgetRecord:
    month = budget.running("month")
    counted = month.model_copy(update={"users": count})
    windows = [counted if each is month else each for each in budget.windows]
    return budget.model_copy(update={"windows": windows})

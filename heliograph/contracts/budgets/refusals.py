"""Refusals of budgets: the exceeded limit, the amount left, and the time of renewal. Pure."""

from datetime import datetime
from decimal import Decimal

from heliograph.contracts.budgets.periods import SPANS, Span
from heliograph.contracts.budgets.record import BudgetRecord, Window
from heliograph.contracts.errors import OverBudget, TooManyJobs
from heliograph.contracts.holds import Hold
from heliograph.contracts.jobs import Cost
from heliograph.contracts.problems import NextAction

JOBS_RETRY_AFTER = 1.0  #: seconds until a job that ended is settled, and its place is free


def check_cost(budget: BudgetRecord, periods: Hold, cost: Cost, at: datetime) -> None:
    """
    Whether a cost fits into each window in which `periods` counts.

    Raises:
        OverBudget: The cost exceeds the amount left in a window.
    """
    if not cost.estimated:
        return
    if cost.currency != budget.currency:
        detail = f"the budget is in {budget.currency}, and this costs {cost.currency}"
        raise OverBudget(detail, next_actions=[_RAISE])
    for span in SPANS:
        window, limit = budget.window_of(span, periods), budget.limits.of(span)
        if window and limit is not None and cost.estimated > window.left(limit):
            raise over_budget(budget, window, limit, cost.estimated, at)


def check_jobs(budget: BudgetRecord, jobs: int) -> None:
    """
    Whether so many more jobs may be open.

    Raises:
        TooManyJobs: The limit of open jobs would be exceeded.
    """
    limit = budget.limits.jobs_open
    if limit is None or not jobs or budget.jobs_open + jobs <= limit:
        return
    detail = f"the budget allows {limit} open jobs, and {budget.jobs_open} are open"
    raise TooManyJobs(detail, policy="jobs-open", limit=limit, retry_after=JOBS_RETRY_AFTER)


def over_budget(
    budget: BudgetRecord, window: Window, limit: Decimal, amount: Decimal, at: datetime
) -> OverBudget:
    """The refusal: how much is left, and when there is more."""
    left = max(window.left(limit), Decimal(0))
    name = f"the user's {_NAMES[window.span]}" if budget.user else f"the {_NAMES[window.span]}"
    detail = (
        f"this costs {amount:f} {budget.currency}; of {name} of {limit:f}, "
        f"{left:f} is left ({window.spent:f} spent, {window.held:f} held by open jobs)"
    )
    actions = [
        NextAction(kind="wait", label="Wait for open jobs: what they do not cost is given back")
    ]
    if window.ends is None:
        return OverBudget(detail, next_actions=[*actions, _RAISE])
    return _until(budget, window.ends, detail, actions, at)


def too_many_users(budget: BudgetRecord, month: Window, at: datetime) -> OverBudget:
    """The refusal where a month has as many users as are counted apart."""
    assert month.ends, "months end"
    detail = f"the budget counts {month.users} users this month, and no more"
    return _until(budget, month.ends, detail, [], at)


def _until(
    budget: BudgetRecord, ends: datetime, detail: str, actions: list[NextAction], at: datetime
) -> OverBudget:
    renewal = f"It renews at {ends.isoformat()} ({budget.zone})"
    return OverBudget(
        f"{detail}; it renews at {ends.isoformat()}, by the time of {budget.zone}",
        retry_after=max(1.0, (ends - at).total_seconds() // 1),
        next_actions=[*actions, NextAction(kind="wait", label=renewal), _RAISE],
    )


_NAMES: dict[Span, str] = {
    "day": "budget of the day",
    "month": "budget of the month",
    "total": "total budget",
}
_RAISE = NextAction(kind="raise_budget", label="Ask the holder of an admin key to raise the budget")

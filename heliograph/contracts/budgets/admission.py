"""Admission to budgets: whether an amount fits into the budget of a project, and its hold there. Pure."""

from datetime import datetime
from decimal import Decimal

from heliograph.contracts.budgets.periods import SPANS, Span
from heliograph.contracts.budgets.record import BudgetRecord, Window
from heliograph.contracts.errors import OverBudget
from heliograph.contracts.holds import Hold
from heliograph.contracts.jobs import Cost
from heliograph.contracts.problems import NextAction
from heliograph.contracts.records import Record


def hold(
    budget: BudgetRecord, job: Record, cost: Cost, at: datetime
) -> tuple[BudgetRecord, Record]:
    """
    The budget with the price of one more attempt of a job held, and the job with that hold.

    Args:
        budget: With the periods that are running, see `rolled`.
        job: A job's first attempt is held in the running periods, a further one in those of the first.

    Raises:
        OverBudget: It does not fit.
    """
    if cost.currency != budget.currency:
        detail = f"the budget is in {budget.currency}, and this costs {cost.currency}"
        raise OverBudget(detail, next_actions=[_RAISE])
    before = job.internal.reserved
    amount = cost.estimated
    whole = before or Hold(
        amount=Decimal(0), day=budget.running("day").key, month=budget.running("month").key
    )
    for span in SPANS:
        check_fits(budget, budget.window_of(span, whole), amount, at)
    held = whole.model_copy(update={"amount": whole.amount + amount})
    internal = job.internal.model_copy(update={"reserved": held})
    holder = job.model_copy(update={"internal": internal})
    return budget.with_amounts(holder, held=amount), holder


def check_fits(budget: BudgetRecord, window: Window | None, amount: Decimal, at: datetime) -> None:
    """Raises OverBudget: the amount is more than what a window has left."""
    limit = budget.limits.of(window.span) if window else None
    if window is None or limit is None or amount <= window.left(limit):
        return
    raise over_budget(budget, window, limit, amount, at)


def over_budget(
    budget: BudgetRecord, window: Window, limit: Decimal, amount: Decimal, at: datetime
) -> OverBudget:
    """The refusal: how much is left, and when there is more."""
    left = max(window.left(limit), Decimal(0))
    detail = (
        f"this costs {amount:f} {budget.currency}; of the {_NAMES[window.span]} of {limit:f}, "
        f"{left:f} is left ({window.spent:f} spent, {window.held:f} held by open jobs)"
    )
    actions = [
        NextAction(kind="wait", label="Wait for open jobs: what they do not cost is given back")
    ]
    if window.ends is None:
        return OverBudget(detail, next_actions=[*actions, _RAISE])
    renewal = f"It renews at {window.ends.isoformat()} ({budget.zone})"
    return OverBudget(
        f"{detail}; it renews at {window.ends.isoformat()}, by the time of {budget.zone}",
        retry_after=max(1.0, (window.ends - at).total_seconds() // 1),
        next_actions=[*actions, NextAction(kind="wait", label=renewal), _RAISE],
    )


_NAMES: dict[Span, str] = {
    "day": "budget of the day",
    "month": "budget of the month",
    "total": "total budget",
}
_RAISE = NextAction(kind="raise_budget", label="Ask the holder of an admin key to raise the budget")

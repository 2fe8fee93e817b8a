"""Admission to budgets: whether a job fits into the budget of a project, and its hold there. Pure."""

from datetime import datetime

from heliograph.contracts.budgets.plans import plan_of, with_part_taken
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.budgets.refusals import check_cost, check_jobs
from heliograph.contracts.holds import Hold
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.money import ZERO
from heliograph.contracts.records import Record


def hold(
    budget: BudgetRecord, job: Record, cost: Cost, at: datetime, plan: str | None = None
) -> tuple[BudgetRecord, Record]:
    """
    The budget with the price of one more attempt of a job held, and the job with that hold.

    Args:
        budget: With the periods that are running, see `rolled`.
        job: A job's first attempt is held in the running periods, a further one in those of the first.
        plan: The bulk request of which the job is a part. Where a plan of that name holds enough, the job
            takes its price from there.

    Raises:
        OverBudget, TooManyJobs: The job exceeds a limit of the budget.
    """
    is_counted = job.step is Step.ACCEPTED and budget.limits.jobs_open is not None
    before = job.internal.reserved
    planned = plan_of(budget, plan) if before is None else None
    if planned and planned.amount >= cost.estimated and planned.jobs >= is_counted:
        after = with_part_taken(budget, planned, cost.estimated, jobs=int(is_counted))
        own = Hold(amount=cost.estimated, day=planned.day, month=planned.month, counted=is_counted)
        return after, _with_hold(job, own)
    periods = before or running_periods(budget)
    check_jobs(budget, int(is_counted))
    check_cost(budget, periods, cost, at)
    update = {"amount": periods.amount + cost.estimated, "counted": periods.counted or is_counted}
    after = budget.with_held(periods, cost.estimated)
    after = after.model_copy(update={"jobs_open": budget.jobs_open + is_counted})
    return after, _with_hold(job, periods.model_copy(update=update))


def cost_to_hold(job: Record) -> Cost:
    """
    What an event that lets a job be submitted has to hold: the price of a new job, or of a further attempt
    after one that was, or may have been, charged. After a sure no, or a run that sent nothing, what is held
    already is for the next attempt.
    """
    if job.step is not Step.RETRY_SCHEDULED:
        return job.cost
    attempts = job.internal.attempts
    if attempts and (attempts[-1].charged == "no" or attempts[-1].run != job.internal.run):
        return job.cost.model_copy(update={"estimated": ZERO})
    prices = [each.price for each in attempts if each.charged != "no"]
    held = job.internal.reserved
    more = job.cost.estimated if prices else ZERO
    if held:
        more = max(sum(prices, job.cost.estimated) - held.amount, ZERO)
    return job.cost.model_copy(update={"estimated": more})


def running_periods(budget: BudgetRecord) -> Hold:
    """A hold of nothing in the periods that are running."""
    return Hold(amount=ZERO, day=budget.running("day").key, month=budget.running("month").key)


def _with_hold(job: Record, held: Hold) -> Record:
    internal = job.internal.model_copy(update={"reserved": held})
    return job.model_copy(update={"internal": internal})

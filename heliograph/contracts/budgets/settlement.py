"""Settlement: effect of a job's end, and of later charge information, on the balances. Pure."""

from decimal import Decimal
from typing import NamedTuple

from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.job_steps import FINAL
from heliograph.contracts.money import ZERO
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import counted

_ENDS = frozenset(step.value for step in FINAL)


class Movement(NamedTuple):
    """Change of balances by an event."""

    spent: Decimal = ZERO  #: more
    released: Decimal = ZERO  #: less is held
    closed: int = 0  #: fewer jobs are open


def settle(budget: BudgetRecord, sequence: int, event: str, job: Record) -> BudgetRecord:
    """
    The budget after an event of one of its jobs; unchanged where the event is settled, or moves no money.

    Args:
        sequence: Of the event. Events are settled in order, each once.
        event: Name of the event, as `succeeded`.
        job: The record that the event carries.
    """
    if sequence <= budget.settled:
        return budget
    moved = movement(event, job)
    if not any(moved):
        return budget
    changed = budget.with_amounts(job, spent=moved.spent, held=-moved.released)
    update = {"settled": sequence, "jobs_open": budget.jobs_open - moved.closed}
    return changed.model_copy(update=update)


def completed(budget: BudgetRecord, *, is_stored: bool) -> BudgetRecord:
    """
    The budget once it is known what became of its pending event.

    Args:
        is_stored: It is in the log. Else the job was accepted without the budget: nothing is held for it.
    """
    if budget.pending is None:
        return budget
    done = budget.model_copy(update={"pending": None})
    hold = budget.pending.job.internal.reserved
    if is_stored or hold is None:
        return done
    update = {"jobs_open": done.jobs_open - hold.counted}
    return done.with_held(hold, -hold.amount).model_copy(update=update)


def movement(event: str, job: Record) -> Movement:
    """Change of balances by an event of a job."""
    if event in _ENDS:
        return Movement(counted(job), held(job), is_counted(job))
    settlement = job.internal.settled
    if event == "attempt_completed" and settlement:
        return Movement(spent=settlement.amount - settlement.before)
    return Movement()


def held(job: Record) -> Decimal:
    """Amount that a job holds until it ends."""
    return job.internal.reserved.amount if job.internal.reserved else ZERO


def is_counted(job: Record) -> bool:
    """Whether a job is one of the open jobs that its budget limits, until it ends."""
    return job.internal.reserved is not None and job.internal.reserved.counted

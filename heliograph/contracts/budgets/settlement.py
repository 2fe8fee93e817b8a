"""Settlement: what the end of a job, and what is learned later, makes of the balances. Pure."""

from decimal import Decimal

from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.job_steps import FINAL
from heliograph.contracts.money import ZERO
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import counted

_ENDS = frozenset(step.value for step in FINAL)


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
    spent, released = amounts(event, job)
    if not (spent or released):
        return budget
    changed = budget.with_amounts(job, spent=spent, held=-released)
    return changed.model_copy(update={"settled": sequence})


def amounts(event: str, job: Record) -> tuple[Decimal, Decimal]:
    """What an event adds to what was spent, and what it takes from what is held."""
    if event in _ENDS:
        return counted(job), held(job)
    settlement = job.internal.settled
    if event == "attempt_completed" and settlement:
        return settlement.amount - settlement.before, ZERO
    return ZERO, ZERO


def held(job: Record) -> Decimal:
    """What a job holds until it ends."""
    return job.internal.reserved.amount if job.internal.reserved else ZERO

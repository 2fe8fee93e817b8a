"""Recount of a budget's balances from the jobs of its project. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from heliograph.contracts.budgets.record import BudgetRecord, rolled
from heliograph.contracts.budgets.settlement import held, is_counted
from heliograph.contracts.budgets.users import counted_user, user_budget
from heliograph.contracts.money import ZERO
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import counted


class JobBalance(NamedTuple):
    """A job as its budget knows it: at its last settled event, and at its last hold."""

    settled: Record | None  #: null: it has no event that is settled
    held_job: Record  #: with its hold


class Difference(NamedTuple):
    """A balance that is not what the jobs make of it."""

    window: str  #: its key; `open` for the jobs that are counted
    balance: str  #: `spent`, `held` or `jobs`
    recorded: Decimal
    counted: Decimal
    user: str | None = None  #: digest of the user; null: in the budget of the project


def recounted(budget: BudgetRecord, jobs: Iterable[JobBalance]) -> BudgetRecord:
    """The budget with the balances that its jobs make."""
    empty = {"spent": ZERO, "held": ZERO}
    windows = [each.model_copy(update=empty) for each in budget.windows]
    whole, jobs_open = budget.model_copy(update={"windows": windows}), 0
    for plan in budget.plans:
        whole, jobs_open = whole.with_held(plan, plan.amount), jobs_open + plan.jobs
    for settled, held_job in jobs:
        if settled and settled.step.is_final:
            whole = whole.with_amounts(settled, spent=counted(settled))
        else:
            whole = whole.with_amounts(held_job, held=held(held_job))
            jobs_open += is_counted(held_job)
    return whole.model_copy(update={"jobs_open": jobs_open})


def differences(recorded: BudgetRecord, right: BudgetRecord) -> Iterator[Difference]:
    """Recorded balances that differ from the recount `right`."""
    user = recorded.user
    for window, other in zip(recorded.windows, right.windows, strict=True):
        if window.spent != other.spent:
            yield Difference(window.key, "spent", window.spent, other.spent, user)
        if window.held != other.held:
            yield Difference(window.key, "held", window.held, other.held, user)
    if user is None and recorded.jobs_open != right.jobs_open:
        yield Difference("open", "jobs", Decimal(recorded.jobs_open), Decimal(right.jobs_open))


def user_differences(
    budget: BudgetRecord,
    users: Mapping[str, BudgetRecord],
    jobs: Collection[JobBalance],
    at: datetime,
) -> Iterator[Difference]:
    """
    Recorded balances of users that differ from a recount, in the periods that are not over.

    Args:
        users: Their records by digest, as of the record of the project.
    """
    budget = rolled(budget, at)
    theirs: dict[str, list[JobBalance]] = {name: [] for name in users}
    for each in jobs:
        if name := counted_user(budget, each.held_job):
            theirs.setdefault(name, []).append(each)
    for name, own in theirs.items():
        recorded = user_budget(budget, name, users.get(name), at)
        yield from differences(recorded, recounted(recorded, own))

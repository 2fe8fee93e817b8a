"""A budget may limit how many jobs are open: counted from acceptance to the end, whatever they cost."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from heliograph.contracts.budgets.admission import hold
from heliograph.contracts.budgets.balances import JobBalance, differences, recounted
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened
from heliograph.contracts.budgets.settlement import settle
from heliograph.contracts.budgets.state import budget_state
from heliograph.contracts.errors import TooManyJobs
from heliograph.contracts.job_events import (
    Canceled,
    RetryScheduled,
    Started,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from tests.support.records import PROBLEM, a_record

AT = datetime(2026, 11, 30, tzinfo=UTC)


def a_budget(**limits: str | int) -> BudgetRecord:
    return opened("demo", BudgetLimits.model_validate(limits), "UTC", AT)


def a_job(price: str = "0") -> Record:
    cost = Cost(estimated=Decimal(price))
    return a_record(project="demo").model_copy(update={"cost": cost, "created_at": AT})


def accepted(budget: BudgetRecord, job: Record) -> tuple[BudgetRecord, Record]:
    return hold(budget, job, job.cost, AT)


@pytest.mark.parametrize("price", ["0", "0.25"], ids=["free", "paid"])
def test_no_more_jobs_are_open_than_the_limit(price: str) -> None:
    budget = a_budget(jobs_open=2)
    for _ in range(2):
        budget, _job = accepted(budget, a_job(price))

    with pytest.raises(TooManyJobs) as refused:
        accepted(budget, a_job(price))

    assert refused.value.retry_after == 1
    shown = budget_state(budget, AT).jobs_open
    assert shown
    assert (shown.limit, shown.open, shown.left) == (2, 2, 0)


def test_an_end_makes_room_once() -> None:
    budget, job = accepted(a_budget(jobs_open=1), a_job())
    job = apply(job, Canceled(), AT)

    budget = settle(budget, 7, "canceled", job)

    assert budget.jobs_open == 0
    assert settle(budget, 7, "canceled", job).jobs_open == 0
    accepted(budget, a_job())


def test_without_a_limit_no_job_is_counted() -> None:
    budget, job = accepted(a_budget(total="9"), a_job("0.25"))

    assert budget.jobs_open == 0
    assert settle(budget, 7, "canceled", apply(job, Canceled(), AT)).jobs_open == 0


def test_a_further_attempt_counts_no_second_time() -> None:
    budget, job = accepted(a_budget(jobs_open=1), a_job("0.25"))
    submitting = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
    again = RetryScheduled(not_before=AT, reason="x", detail="x", charged="unknown", key="k")
    for fact in (Started(run=1), submitting, SubmitUnknown(run=1, problem=PROBLEM), again):
        job = apply(job, fact, AT)

    budget, job = hold(budget, job, job.cost, AT)

    assert budget.jobs_open == 1
    assert job.internal.reserved
    assert job.internal.reserved.counted


def test_the_audit_counts_the_jobs_that_are_open() -> None:
    budget, job = accepted(a_budget(jobs_open=9), a_job())
    ended = apply(job, Canceled(), AT)

    assert list(differences(budget, recounted(budget, [JobBalance(job, job)]))) == []
    [difference] = differences(budget, recounted(budget, [JobBalance(ended, ended)]))
    assert difference == ("open", "jobs", Decimal(1), Decimal(0), None)

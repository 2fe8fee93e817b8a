"""The jobs of a bulk request are held together before the first one is accepted, and each takes its part."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from heliograph.contracts.budgets.admission import hold
from heliograph.contracts.budgets.balances import JobBalance, differences, recounted
from heliograph.contracts.budgets.plans import (
    HELD_FOR,
    MAX_HOLDERS,
    MAX_PLANS,
    hold_plan,
    join_plan,
    release_plan,
)
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened, rolled
from heliograph.contracts.errors import OverBudget, TooManyJobs, Unavailable
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from tests.support.records import a_record

EVENING = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
MIDNIGHT = EVENING + timedelta(minutes=1)
PLAN = "batch_x"
COPY, OTHER = "copy", "other"  #: of the bulk request


def a_budget(**limits: str | int) -> BudgetRecord:
    return opened("demo", BudgetLimits.model_validate(limits), "UTC", EVENING)


def some_jobs(count: int, price: str = "0.25") -> list[Record]:
    cost = Cost(estimated=Decimal(price))
    return [
        a_record(project="demo").model_copy(update={"cost": cost, "created_at": EVENING})
        for _ in range(count)
    ]


def accepted(
    budget: BudgetRecord, job: Record, at: datetime = EVENING
) -> tuple[BudgetRecord, Record]:
    return hold(rolled(budget, at), job, job.cost, at, PLAN)


def held(budget: BudgetRecord) -> dict[str, Decimal]:
    return {each.key: each.held for each in budget.windows if each.held}


def test_jobs_that_do_not_fit_together_hold_nothing() -> None:
    with pytest.raises(OverBudget, match=r"this costs 0\.75"):
        hold_plan(a_budget(total="0.7"), PLAN, COPY, some_jobs(3), EVENING)


def test_each_job_takes_its_part_and_others_find_no_room_meanwhile() -> None:
    jobs = some_jobs(3)
    budget = hold_plan(a_budget(total="0.75"), PLAN, COPY, jobs, EVENING)
    [other] = some_jobs(1)
    with pytest.raises(OverBudget):
        hold(budget, other, other.cost, EVENING)

    for job in jobs:
        budget, job = accepted(budget, job)
        assert job.internal.reserved
        assert job.internal.reserved.amount == Decimal("0.25")

    assert budget.plans == []
    assert budget.running("total").held == Decimal("0.75")


def test_what_no_job_takes_is_given_back() -> None:
    jobs = some_jobs(3)
    budget = hold_plan(a_budget(total="0.75"), PLAN, COPY, jobs, EVENING)
    budget, _ = accepted(budget, jobs[0])

    budget = release_plan(budget, PLAN, COPY)

    assert held(budget) == {
        "2026-11-30": Decimal("0.25"),
        "2026-11": Decimal("0.25"),
        "total": Decimal("0.25"),
    }
    assert release_plan(budget, PLAN, COPY) == budget


@pytest.mark.parametrize("join", ["by its jobs", "by its name"])
def test_the_last_copy_of_a_request_gives_back_what_is_left(join: str) -> None:
    jobs = some_jobs(2)
    budget = hold_plan(a_budget(total="0.5"), PLAN, COPY, jobs, EVENING)
    if join == "by its jobs":
        budget = hold_plan(budget, PLAN, OTHER, jobs, EVENING)
    else:
        budget = join_plan(budget, PLAN, OTHER)

    once = release_plan(budget, PLAN, COPY)

    assert once.running("total").held == Decimal("0.5")
    assert release_plan(once, PLAN, COPY) == once
    assert release_plan(once, PLAN, OTHER).running("total").held == 0


def test_a_copy_that_shares_nothing_gives_nothing_back() -> None:
    budget = hold_plan(a_budget(total="0.5"), PLAN, COPY, some_jobs(2), EVENING)

    assert release_plan(budget, PLAN, OTHER) == budget
    assert join_plan(budget, "batch_y", OTHER) == budget


def test_no_plan_has_more_than_so_many_copies() -> None:
    budget = hold_plan(a_budget(total="0.5"), PLAN, COPY, some_jobs(2), EVENING)
    for number in range(MAX_HOLDERS - 1):
        budget = join_plan(budget, PLAN, f"{number}")

    with pytest.raises(Unavailable):
        join_plan(budget, PLAN, OTHER)


def test_what_a_crash_left_behind_is_given_back_when_its_time_is_over() -> None:
    budget = hold_plan(a_budget(total="0.75"), PLAN, COPY, some_jobs(3), EVENING)

    assert held(rolled(budget, EVENING + HELD_FOR - timedelta(seconds=1)))["total"]
    assert held(rolled(budget, EVENING + HELD_FOR)) == {}


def test_a_job_after_that_time_is_held_by_itself() -> None:
    jobs = some_jobs(2)
    budget = hold_plan(a_budget(total="0.5"), PLAN, COPY, jobs, EVENING)

    budget, job = accepted(budget, jobs[0], EVENING + HELD_FOR)

    assert job.internal.reserved
    assert job.internal.reserved.day == "2026-12-01"
    assert budget.running("total").held == Decimal("0.25")


def test_the_same_request_is_held_once() -> None:
    jobs = some_jobs(2)
    budget = hold_plan(a_budget(total="0.5"), PLAN, COPY, jobs, EVENING)

    assert hold_plan(budget, PLAN, COPY, jobs, EVENING) == budget


def test_a_batch_over_midnight_counts_in_the_day_of_its_hold() -> None:
    jobs = some_jobs(2)
    budget = hold_plan(a_budget(day="0.5"), PLAN, COPY, jobs, EVENING)

    budget, job = accepted(budget, jobs[0], MIDNIGHT)

    assert job.internal.reserved
    assert (job.internal.reserved.day, job.internal.reserved.month) == ("2026-11-30", "2026-11")
    assert held(budget) == dict.fromkeys(("2026-11-30", "2026-11", "total"), Decimal("0.5"))


def test_a_job_that_costs_more_than_its_plan_has_left_is_held_by_itself() -> None:
    [cheap, other] = some_jobs(2, "0.1")
    [dear] = some_jobs(1, "0.3")
    budget = hold_plan(a_budget(total="0.5"), PLAN, COPY, [cheap, other], EVENING)

    budget, job = accepted(budget, dear)

    assert budget.plans[0].amount == Decimal("0.2")
    assert job.internal.reserved
    assert budget.running("total").held == Decimal("0.5")


def test_no_project_has_more_than_so_many_plans() -> None:
    budget = a_budget(total="999")
    for number in range(MAX_PLANS):
        budget = hold_plan(budget, f"{number}", COPY, some_jobs(2), EVENING)

    with pytest.raises(Unavailable):
        hold_plan(budget, PLAN, COPY, some_jobs(2), EVENING)


def test_the_audit_counts_what_plans_hold() -> None:
    jobs = some_jobs(3)
    budget = hold_plan(a_budget(total="9", jobs_open=9), PLAN, COPY, jobs, EVENING)
    budget, job = accepted(budget, jobs[0])
    balances = [JobBalance(job, job)]

    assert list(differences(budget, recounted(budget, balances))) == []
    lost = budget.model_copy(update={"plans": []})
    wrong_balances = {each.balance for each in differences(lost, recounted(lost, balances))}
    assert wrong_balances == {"held", "jobs"}


def test_the_jobs_of_a_plan_are_counted_as_open_together() -> None:
    jobs = some_jobs(3, "0")
    with pytest.raises(TooManyJobs, match="allows 2 open jobs"):
        hold_plan(a_budget(jobs_open=2), PLAN, COPY, jobs, EVENING)
    budget = hold_plan(a_budget(jobs_open=3), PLAN, COPY, jobs, EVENING)
    [other] = some_jobs(1, "0")
    with pytest.raises(TooManyJobs):
        hold(budget, other, other.cost, EVENING)

    for job in jobs:
        budget, _ = accepted(budget, job)

    assert (budget.jobs_open, budget.plans) == (3, [])

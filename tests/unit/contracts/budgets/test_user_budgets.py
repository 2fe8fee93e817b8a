"""Each user has a budget within that of the project, which counts what the user's jobs hold and cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from heliograph.contracts.budgets import users
from heliograph.contracts.budgets.balances import JobBalance, user_differences
from heliograph.contracts.budgets.plans import HELD_FOR
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened, rolled
from heliograph.contracts.budgets.state import SetBudget, budget_state, with_user_state
from heliograph.contracts.budgets.users import (
    BudgetRecords,
    hold_job,
    hold_plans,
    is_over,
    join_plans,
    release_plans,
    settle_job,
    user_budget,
    users_of,
)
from heliograph.contracts.errors import OverBudget
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Failed,
    RetryScheduled,
    Started,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from heliograph.contracts.user_digests import user_digest
from tests.support.records import PROBLEM, a_record

EVENING = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
MORNING = EVENING + timedelta(hours=9)
PRICE = Decimal("0.25")
ALICE, BOB = user_digest("alice"), user_digest("bob")


def a_budget(*, since: int = 3, **limits: Any) -> BudgetRecord:
    return opened("demo", BudgetLimits.model_validate({"user": limits}), "UTC", EVENING, since)


def a_job(user: str | None = "alice", price: Decimal | str = PRICE) -> Record:
    cost = Cost(estimated=Decimal(price))
    record = a_record(project="demo", user=user)
    return record.model_copy(update={"cost": cost, "created_at": EVENING})


def of_all(budget: BudgetRecord, at: datetime = EVENING, **stored: BudgetRecord) -> BudgetRecords:
    """The budgets as a process reads them: `stored` are records of users by name."""
    current = rolled(budget, at)
    records = {user_digest(name): each for name, each in stored.items()}
    names = {ALICE, BOB, *records}
    own = {name: user_budget(current, name, records.get(name), at) for name in names}
    return BudgetRecords(current, own)


def accepted(
    budgets: BudgetRecords, job: Record, at: datetime = EVENING
) -> tuple[BudgetRecords, Record]:
    return hold_job(budgets, job, job.cost, at)


def amounts(budgets: BudgetRecords, user: str = ALICE) -> dict[str, tuple[Decimal, Decimal]]:
    return {each.key: (each.spent, each.held) for each in budgets.users[user].windows}


def posted(job: Record) -> Record:
    submitting = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
    for fact in (Started(run=1), submitting):
        job = apply(job, fact, EVENING)
    return job


@pytest.mark.parametrize(("span", "name"), [("day", "day"), ("month", "month")])
def test_a_user_is_refused_beyond_their_budget_and_others_are_not(span: str, name: str) -> None:
    limits: dict[str, Any] = {span: "0.3"}
    budgets, job = accepted(of_all(a_budget(**limits)), a_job())
    assert job.internal.reserved
    assert job.internal.reserved.user == budgets.project.since

    with pytest.raises(OverBudget, match=r"0\.3, 0\.05 is left \(0 spent, 0\.25 held") as refused:
        accepted(budgets, a_job())
    budgets, _ = accepted(budgets, a_job("bob"))
    budgets, _ = accepted(budgets, a_job(None))

    assert f"the user's budget of the {name}" in str(refused.value)
    assert refused.value.retry_after
    assert budgets.project.running("total").held == 3 * PRICE


def test_a_job_has_to_fit_into_the_budget_of_the_project_too() -> None:
    limits = BudgetLimits.model_validate({"day": "0.3", "user": {"day": "9"}})
    budgets, _ = accepted(of_all(opened("demo", limits, "UTC", EVENING)), a_job())

    with pytest.raises(OverBudget, match=r"of the budget of the day of 0\.3"):
        accepted(budgets, a_job("bob"))


def test_what_costs_nothing_or_names_no_user_has_no_record() -> None:
    budgets = of_all(a_budget(day="0"))

    for job in (a_job(None), a_job("alice", "0")):
        after, holder = accepted(budgets, job)
        assert after.users == budgets.users
        assert holder.internal.reserved
        assert holder.internal.reserved.user is None


def test_without_a_limit_of_users_no_user_is_counted() -> None:
    budgets = of_all(opened("demo", BudgetLimits(day=Decimal(9)), "UTC", EVENING))

    after, _ = accepted(budgets, a_job())

    assert after.users == budgets.users


def test_an_end_releases_and_spends_and_what_is_learned_later_corrects() -> None:
    budgets, job = accepted(of_all(a_budget(day="1")), a_job())
    failed = apply(posted(job), Failed(problem=PROBLEM, charged="unknown"), EVENING)

    budgets = settle_job(budgets, 7, "failed", failed)
    assert set(amounts(budgets).values()) == {(PRICE, Decimal(0))}
    assert settle_job(budgets, 7, "failed", failed) == budgets

    fact = AttemptCompleted(run=1, ended=7, charged="no", outcome="x")
    budgets = settle_job(budgets, 9, "attempt_completed", apply(failed, fact, EVENING))
    assert set(amounts(budgets).values()) == {(Decimal(0), Decimal(0))}


def test_another_attempt_that_may_be_charged_is_held_in_the_budget_of_the_user() -> None:
    budgets, job = accepted(of_all(a_budget(day="0.5")), a_job())
    job = apply(posted(job), SubmitUnknown(run=1, problem=PROBLEM), EVENING)
    again = RetryScheduled(
        not_before=EVENING, reason="x", detail="x", charged="unknown", key="again"
    )
    job = apply(job, again, EVENING)

    after, _ = hold_job(budgets, job, job.cost, EVENING)
    tight = BudgetRecords(a_budget(day="0.4"), of_all(a_budget(day="0.4")).users)
    tight, _ = accepted(tight, a_job())

    assert amounts(after)["2026-11-30"] == (Decimal(0), 2 * PRICE)
    with pytest.raises(OverBudget, match="the user's"):
        hold_job(tight, job, job.cost, EVENING)


def test_a_job_over_midnight_is_settled_in_the_day_of_its_acceptance() -> None:
    budgets, job = accepted(of_all(a_budget(day="0.3")), a_job())
    later = of_all(budgets.project, MORNING, alice=budgets.users[ALICE])
    later, _ = accepted(later, a_job(), MORNING)  # the new day is empty
    assert amounts(later)["2026-11-30"] == amounts(later)["2026-12-01"] == (Decimal(0), PRICE)

    settled = settle_job(later, 7, "canceled", apply(job, Canceled(), MORNING))

    assert amounts(settled)["2026-11-30"] == (Decimal(0), Decimal(0))
    assert amounts(settled)["2026-12-01"] == (Decimal(0), PRICE)


def test_a_batch_of_several_users_is_held_as_a_whole_or_refused() -> None:
    jobs = [a_job("alice"), a_job("bob"), a_job("bob"), a_job(None)]
    with pytest.raises(OverBudget, match=r"this costs 0\.50 USD; of the user's"):
        hold_plans(of_all(a_budget(day="0.4")), "batch", "copy", jobs, EVENING)

    budgets = hold_plans(of_all(a_budget(day="0.5")), "batch", "copy", jobs, EVENING)
    with pytest.raises(OverBudget):
        accepted(budgets, a_job("bob"))
    for job in jobs[:2]:
        budgets, _ = hold_job(budgets, job, job.cost, EVENING, "batch")
    assert [budgets.users[each].running("day").held for each in (ALICE, BOB)] == [PRICE, 2 * PRICE]

    joined = join_plans(budgets, "batch", "other")
    assert release_plans(joined, "batch", "copy").users[BOB].running("day").held == 2 * PRICE
    budgets = release_plans(budgets, "batch", "copy")
    assert [budgets.users[each].running("day").held for each in (ALICE, BOB)] == [PRICE, PRICE]


def test_what_a_batch_held_for_a_user_goes_with_its_time() -> None:
    budgets = hold_plans(of_all(a_budget(day="9")), "batch", "copy", [a_job(), a_job()], EVENING)

    later = of_all(budgets.project, EVENING + HELD_FOR, alice=budgets.users[ALICE])

    assert {held for _, held in amounts(later).values()} == {Decimal(0)}


def test_a_budget_that_is_set_again_counts_new_jobs_only() -> None:
    budgets, old = accepted(of_all(a_budget(since=3, day="0.3")), a_job())
    again = of_all(a_budget(since=8, day="0.3"), alice=budgets.users[ALICE])

    again, _ = accepted(again, a_job())
    settled = settle_job(again, 9, "canceled", apply(old, Canceled(), EVENING))

    assert amounts(settled)["2026-11-30"] == (Decimal(0), PRICE)


def test_so_many_users_and_no_more_are_counted_in_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "MAX_USERS", 1)
    budgets = of_all(a_budget(day="9"))
    for _ in range(2):
        budgets, _ = accepted(budgets, a_job())

    with pytest.raises(OverBudget, match="counts 1 users this month") as refused:
        accepted(budgets, a_job("bob"))
    assert refused.value.retry_after == 60
    december = of_all(budgets.project, MORNING, alice=budgets.users[ALICE])
    december, _ = accepted(december, a_job("bob"), MORNING)
    assert december.project.running("month").users == 1


def test_a_record_is_worth_nothing_once_its_periods_are_over() -> None:
    budgets, job = accepted(of_all(a_budget(day="9")), a_job())
    own = budgets.users[ALICE]
    assert not is_over(rolled(budgets.project, MORNING), own)  # a job holds something in it

    settled = settle_job(budgets, 7, "canceled", apply(job, Canceled(), EVENING))

    assert not is_over(rolled(settled.project, EVENING), own)
    assert is_over(rolled(settled.project, MORNING), own)
    assert is_over(a_budget(since=8, day="9"), own)


def test_the_audit_finds_a_balance_of_a_user_that_is_wrong() -> None:
    budgets, job = accepted(of_all(a_budget(day="9")), a_job())
    jobs = [JobBalance(None, job)]
    stored = {ALICE: budgets.users[ALICE]}
    assert [*user_differences(budgets.project, stored, jobs, EVENING)] == []

    lost = [*user_differences(budgets.project, {}, jobs, EVENING)]

    assert {(each.window, each.balance, each.counted, each.user) for each in lost} == {
        ("2026-11-30", "held", PRICE, ALICE),
        ("2026-11", "held", PRICE, ALICE),
    }


def test_the_state_of_a_user_is_shown_where_users_have_limits() -> None:
    budgets, _ = accepted(of_all(a_budget(day="0.3")), a_job())
    stored = budgets.users[ALICE]

    state = budget_state(budgets.project, EVENING)
    shown = with_user_state(state, budgets.project, "alice", stored, EVENING).user

    assert state.user
    assert (state.user.day, state.user.month, state.user.windows) == (Decimal("0.3"), None, [])
    assert shown
    assert (shown.name, [each.span for each in shown.windows]) == ("alice", ["day", "month"])
    assert (shown.windows[0].held, shown.windows[0].left) == (PRICE, Decimal("0.05"))
    assert SetBudget.model_validate(state.limits).limits == budgets.project.limits


def test_users_are_named_by_digests_that_say_nothing() -> None:
    assert users_of([a_job("alice"), a_job("bob"), a_job(None)]) == {ALICE, BOB}
    assert "alice" not in ALICE

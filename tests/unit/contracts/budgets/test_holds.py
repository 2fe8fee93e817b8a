"""What a job may cost is held in every window from its acceptance to its end, and then what it cost is spent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from heliograph.contracts.budgets.admission import cost_to_hold, hold
from heliograph.contracts.budgets.balances import JobBalance, differences, recounted
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened, rolled
from heliograph.contracts.budgets.settlement import settle
from heliograph.contracts.budgets.thresholds import announced
from heliograph.contracts.errors import OverBudget
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Expired,
    Failed,
    JobEvent,
    Rendered,
    RetryScheduled,
    Started,
    Submitted,
    Submitting,
    SubmitUnknown,
    Succeeded,
)
from heliograph.contracts.jobs import Cost
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine import apply
from tests.support.records import PROBLEM, a_record

EVENING = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
MORNING = EVENING + timedelta(hours=9)
PRICE = Decimal("0.25")


def a_budget(**limits: str) -> BudgetRecord:
    return opened("demo", BudgetLimits.model_validate(limits), "UTC", EVENING)


def a_job(price: Decimal | str = PRICE, at: datetime = EVENING) -> Record:
    record = a_record(project="demo", model="sim/picture", parameters={"price": "0"})
    return record.model_copy(update={"cost": Cost(estimated=Decimal(price)), "created_at": at})


def accepted(
    budget: BudgetRecord, job: Record, at: datetime = EVENING
) -> tuple[BudgetRecord, Record]:
    return hold(rolled(budget, at), job, job.cost, at)


def happened(job: Record, *facts: JobEvent, at: datetime = EVENING) -> Record:
    for fact in facts:
        job = apply(job, fact, at)
    return job


def posted(run: int = 1) -> list[JobEvent]:
    submitting = Submitting(run=run, endpoint="e", prompt="p", arguments={}, references=[])
    return [Started(run=run), submitting]


def rendered(run: int = 1, charged: Charged = "yes") -> list[JobEvent]:
    return [
        Submitted(run=run, request_id=f"r{run}"),
        Rendered(run=run, outputs=[], charged=charged),
    ]


def balances(budget: BudgetRecord) -> dict[str, tuple[Decimal, Decimal]]:
    return {each.key: (each.spent, each.held) for each in budget.windows}


def amounts(spent: str, held: str) -> tuple[Decimal, Decimal]:
    return Decimal(spent), Decimal(held)


@pytest.mark.parametrize("span", ["day", "month", "total"])
def test_a_budget_is_held_to_its_last_cent_and_no_further(span: str) -> None:
    budget = a_budget(**{span: "0.3"})
    for _ in range(3):
        budget, _job = accepted(budget, a_job("0.1"))

    with pytest.raises(OverBudget):
        accepted(budget, a_job("0.000001"))
    assert budget.running("total").held == Decimal("0.3")


@pytest.mark.parametrize("tightest", ["day", "month", "total"])
def test_the_tightest_window_decides(tightest: str) -> None:
    limits = {"day": "9", "month": "9", "total": "9", tightest: "0.1"}

    with pytest.raises(OverBudget, match=r"of 0\.1"):
        accepted(a_budget(**limits), a_job())


def test_a_refusal_says_what_is_left_when_it_renews_and_what_to_do() -> None:
    budget, _ = accepted(a_budget(day="0.3"), a_job())

    with pytest.raises(OverBudget) as refused:
        accepted(budget, a_job())

    assert "0.05 is left" in str(refused.value)
    assert "2026-12-01T00:00:00+00:00" in str(refused.value)
    assert refused.value.retry_after == 3_600
    assert [each.kind for each in refused.value.next_actions] == ["wait", "wait", "raise_budget"]


def test_without_a_limit_everything_fits_and_is_counted() -> None:
    budget, _ = accepted(a_budget(), a_job("1000000"))

    assert budget.running("month").held == 1_000_000


def test_a_price_in_another_currency_is_refused() -> None:
    job = a_job().model_copy(update={"cost": Cost(estimated=PRICE, currency="EUR")})

    with pytest.raises(OverBudget, match="EUR"):
        accepted(a_budget(day="9"), job)


def test_sums_of_prices_are_exact() -> None:
    budget = a_budget()
    for price in ("0.1", "0.2", "1000000000000", "0.00000000000000000001"):
        budget, _ = accepted(budget, a_job(price))

    assert budget.running("total").held == Decimal("1000000000000.30000000000000000001")


ENDS: dict[str, tuple[list[JobEvent], str]] = {
    "succeeded": ([*posted(), *rendered(), Succeeded(assets=[])], "0.25"),
    "not charged": ([*posted(), *rendered(charged="no"), Succeeded(assets=[])], "0"),
    "canceled in the queue": ([Canceled()], "0"),
    "failed before it was sent": ([Started(run=1), Failed(problem=PROBLEM)], "0"),
    "failed and charged": ([*posted(), Failed(problem=PROBLEM, charged="yes")], "0.25"),
    "failed in doubt": ([*posted(), Failed(problem=PROBLEM, charged="unknown")], "0.25"),
    "expired in doubt": (
        [
            *posted(),
            SubmitUnknown(run=1, problem=PROBLEM),
            Expired(problem=PROBLEM, charged="unknown"),
        ],
        "0.25",
    ),
    "expired and runs on": (
        [*posted(), Submitted(run=1, request_id="r"), Expired(problem=PROBLEM, runs_on=True)],
        "0.25",
    ),
    "retried after a sure no": (
        [
            *posted(),
            RetryScheduled(not_before=EVENING, reason="x", detail="x"),
            *posted(2),
            *rendered(2),
            Succeeded(assets=[]),
        ],
        "0.25",
    ),
}


@pytest.mark.parametrize(("facts", "spent"), ENDS.values(), ids=ENDS.keys())
def test_an_end_releases_the_hold_and_spends_what_was_or_may_have_been_charged(
    facts: list[JobEvent], spent: str
) -> None:
    budget, job = accepted(a_budget(), a_job())
    job = happened(job, *facts)

    settled = settle(budget, 7, job.step, job)

    assert set(balances(settled).values()) == {amounts(spent, "0")}


def test_a_job_that_is_open_holds_its_price_whatever_happens() -> None:
    budget, job = accepted(a_budget(), a_job())

    for fact in [*posted(), *rendered()]:
        job = apply(job, fact, EVENING)
        budget = settle(budget, 7, fact.name, job)

    assert budget.running("day").held == PRICE


def test_an_event_that_is_settled_twice_counts_once() -> None:
    budget, job = accepted(a_budget(), a_job())
    job = happened(job, Canceled())

    once = settle(budget, 7, "canceled", job)

    assert settle(once, 7, "canceled", job) == once
    assert settle(once, 5, "canceled", job) == once


def test_a_job_over_midnight_is_settled_in_the_day_of_its_acceptance() -> None:
    budget, job = accepted(a_budget(day="0.3"), a_job())
    budget = rolled(budget, MORNING)
    budget, _ = accepted(budget, a_job(at=MORNING), MORNING)  # the new day is empty
    assert balances(budget) == {
        "2026-11-30": amounts("0", "0.25"),
        "2026-12-01": amounts("0", "0.25"),
        "2026-11": amounts("0", "0.25"),
        "2026-12": amounts("0", "0.25"),
        "total": amounts("0", "0.5"),
    }

    job = happened(job, *posted(), *rendered(), Succeeded(assets=[]), at=MORNING)
    settled = settle(budget, 7, "succeeded", job)

    assert balances(settled)["2026-11-30"] == amounts("0.25", "0")
    assert balances(settled)["2026-12-01"] == amounts("0", "0.25")
    assert balances(settled)["total"] == amounts("0.25", "0.25")
    assert "2026-11-30" not in balances(rolled(settled, MORNING))


LATE: dict[str, tuple[Charged, str]] = {"charged": ("yes", "0.25"), "not charged": ("no", "0")}


@pytest.mark.parametrize(("charged", "spent"), LATE.values(), ids=LATE.keys())
def test_what_is_learned_later_corrects_what_was_spent(charged: Charged, spent: str) -> None:
    budget, job = accepted(a_budget(), a_job())
    job = happened(job, *posted(), Failed(problem=PROBLEM, charged="unknown"))
    budget = settle(budget, 7, "failed", job)
    assert budget.running("day").spent == PRICE

    job = happened(job, AttemptCompleted(run=1, ended=7, charged=charged, outcome="x"))
    budget = settle(budget, 9, "attempt_completed", job)

    assert set(balances(budget).values()) == {amounts(spent, "0")}
    assert settle(budget, 9, "attempt_completed", job) == budget


def test_a_correction_of_a_window_that_is_gone_changes_the_total_only() -> None:
    budget, job = accepted(a_budget(), a_job())
    job = happened(job, *posted(), Failed(problem=PROBLEM, charged="unknown"))
    budget = rolled(settle(budget, 7, "failed", job), MORNING)

    job = happened(job, AttemptCompleted(run=1, ended=7, charged="no", outcome="x"))
    budget = settle(budget, 9, "attempt_completed", job)

    assert set(balances(budget).values()) == {amounts("0", "0")}


def a_second_attempt(job: Record) -> Record:
    job = happened(job, *posted(), SubmitUnknown(run=1, problem=PROBLEM))
    retry = RetryScheduled(
        not_before=EVENING, reason="x", detail="x", charged="unknown", key="again"
    )
    return happened(job, retry)


def test_an_attempt_that_may_be_charged_again_is_held_as_well() -> None:
    budget, job = accepted(a_budget(total="0.5"), a_job())

    budget, job = hold(budget, a_second_attempt(job), job.cost, EVENING)
    assert budget.running("total").held == Decimal("0.5")
    with pytest.raises(OverBudget):
        hold(budget, job, job.cost, EVENING)

    job = happened(job, *posted(2), *rendered(2), Succeeded(assets=[]))
    budget = settle(budget, 9, "succeeded", job)
    assert balances(budget)["total"] == amounts("0.5", "0")  # the first one may have been charged

    job = happened(job, AttemptCompleted(run=1, ended=9, charged="no", outcome="x"))
    budget = settle(budget, 11, "attempt_completed", job)
    assert balances(budget)["total"] == amounts("0.25", "0")


def test_only_an_attempt_that_may_be_charged_again_holds_more() -> None:
    _, job = accepted(a_budget(), a_job())
    refused = RetryScheduled(not_before=EVENING, reason="x", detail="x")

    after_a_sure_no = happened(job, *posted(), refused)
    after_silence = a_second_attempt(job)

    assert cost_to_hold(job).estimated == PRICE
    assert cost_to_hold(after_a_sure_no).estimated == 0
    assert cost_to_hold(after_silence).estimated == PRICE
    _, held_twice = hold(a_budget(), after_silence, cost_to_hold(after_silence), EVENING)
    put_back = happened(held_twice, Started(run=2), refused)
    assert cost_to_hold(put_back).estimated == 0


def test_an_old_job_holds_a_further_attempt_only() -> None:
    job = a_job()

    assert cost_to_hold(a_second_attempt(job)).estimated == PRICE
    refused = RetryScheduled(not_before=EVENING, reason="x", detail="x")
    assert cost_to_hold(happened(job, *posted(), refused)).estimated == 0


def test_the_hold_of_an_old_job_stands_for_the_next_attempt() -> None:
    again = a_second_attempt(a_job())
    _, held_once = hold(a_budget(), again, cost_to_hold(again), EVENING)
    refused = RetryScheduled(not_before=EVENING, reason="x", detail="x")

    after_a_sure_no = happened(held_once, *posted(2), refused)
    put_back = happened(held_once, Started(run=2), refused)

    assert [cost_to_hold(each).estimated for each in (after_a_sure_no, put_back)] == [0, 0]


def test_a_job_from_before_the_budget_holds_nothing_and_is_settled() -> None:
    budget, job = a_budget(), a_job(at=EVENING - timedelta(hours=1))
    job = happened(job, *posted(), *rendered(), Succeeded(assets=[]))

    assert set(balances(settle(budget, 7, "succeeded", job)).values()) == {amounts("0.25", "0")}


def test_a_job_from_before_the_day_counts_in_the_total_only() -> None:
    budget, job = opened("demo", BudgetLimits(), "UTC", MORNING), a_job(at=EVENING)
    job = happened(job, *posted(), *rendered(), Succeeded(assets=[]))

    settled = balances(settle(budget, 7, "succeeded", job))

    assert settled == {
        "2026-12-01": amounts("0", "0"),
        "2026-12": amounts("0", "0"),
        "total": amounts("0.25", "0"),
    }


def test_thresholds_are_announced_once_in_a_window() -> None:
    budget, told = a_budget(total="1"), []
    for sequence in range(1, 5):
        budget, job = accepted(budget, a_job())
        job = happened(job, *posted(), *rendered(), Succeeded(assets=[]))
        budget = settle(budget, sequence, "succeeded", job)
        budget, windows = announced(budget)
        told += [(each.key, each.announced, each.spent) for each in windows]
        assert announced(budget)[1] == []

    assert told == [
        ("total", 50, Decimal("0.5")),
        ("total", 100, Decimal(1)),  # 0.75 is less than 80 percent
    ]


@pytest.mark.parametrize("limits", [{}, {"day": "0"}], ids=["no limit", "limit 0"])
def test_nothing_is_announced_before_something_is_spent(limits: dict[str, str]) -> None:
    assert announced(a_budget(**limits))[1] == []


def with_some_jobs() -> tuple[BudgetRecord, list[JobBalance]]:
    """A budget with one open job, one that ended, and one that ended and is not settled."""
    budget, jobs = a_budget(), []
    for sequence in (5, 6, 7):
        budget, job = accepted(budget, a_job())
        ended = happened(job, *posted(), *rendered(), Succeeded(assets=[]))
        if sequence == 6:
            budget = settle(budget, sequence, "succeeded", ended)
        known = {5: (job, job), 6: (ended, ended), 7: (job, ended)}[sequence]
        jobs.append(JobBalance(*known))
    return budget, jobs


def test_the_balances_are_those_that_the_jobs_make() -> None:
    budget, jobs = with_some_jobs()

    assert list(differences(budget, recounted(budget, jobs))) == []
    assert balances(budget)["total"] == amounts("0.25", "0.5")


@pytest.mark.parametrize("change", [{"spent": "0.01"}, {"held": "-0.01"}], ids=["spent", "held"])
def test_a_balance_that_is_wrong_by_a_cent_is_found(change: dict[str, Any]) -> None:
    budget, jobs = with_some_jobs()
    amount = {name: Decimal(value) for name, value in change.items()}
    *others, total = budget.windows
    wrong = budget.model_copy(update={"windows": [*others, total.plus(**amount)]})

    wrong_balances = list(differences(wrong, recounted(wrong, jobs)))

    assert [(each.window, each.balance) for each in wrong_balances] == [("total", *change)]

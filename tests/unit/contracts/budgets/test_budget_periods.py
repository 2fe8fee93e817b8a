"""Days and months begin at midnight in the zone of the project, whatever clocks do there."""

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.contracts.budgets.periods import Span, period_of, time_zone
from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened, rolled
from heliograph.contracts.budgets.state import budget_state

BERLIN, NEW_YORK, TOKYO, SANTIAGO = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tokyo",
    "America/Santiago",
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "zone", "key", "starts", "hours"),
    [
        ("2026-11-30T23:59:59", "UTC", "2026-11-30", "2026-11-30T00:00", 24),
        ("2026-12-01T00:00:00", "UTC", "2026-12-01", "2026-12-01T00:00", 24),
        ("2026-03-29T12:00:00", BERLIN, "2026-03-29", "2026-03-28T23:00", 23),
        ("2026-10-25T12:00:00", BERLIN, "2026-10-25", "2026-10-24T22:00", 25),
        ("2026-03-08T12:00:00", NEW_YORK, "2026-03-08", "2026-03-08T05:00", 23),
        ("2026-11-01T12:00:00", NEW_YORK, "2026-11-01", "2026-11-01T04:00", 25),
        ("2026-11-30T15:00:00", TOKYO, "2026-12-01", "2026-11-30T15:00", 24),
        # midnight does not exist there on this day: the day begins when clocks are put forward
        ("2026-09-06T12:00:00", SANTIAGO, "2026-09-06", "2026-09-06T04:00", 23),
    ],
    ids=["end", "midnight", "23 h", "25 h", "23 h west", "25 h west", "east", "no midnight"],
)
def test_a_day_is_that_of_the_zone(at: str, zone: str, key: str, starts: str, hours: int) -> None:
    period = period_of("day", utc(at), zone)

    assert (period.key, period.starts) == (key, utc(starts))
    assert period.ends - period.starts == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("at", "zone", "key", "starts", "ends"),
    [
        ("2026-12-31T23:59", "UTC", "2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("2026-10-31T23:30", BERLIN, "2026-11", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("2024-02-29T12:00", "UTC", "2024-02", "2024-02-01T00:00", "2024-03-01T00:00"),
    ],
    ids=["year", "zone", "leap"],
)
def test_a_month_is_that_of_the_zone(at: str, zone: str, key: str, starts: str, ends: str) -> None:
    assert period_of("month", utc(at), zone) == (key, utc(starts), utc(ends))


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "Europe"])
def test_a_zone_that_does_not_exist_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        time_zone(name)


def a_budget(zone: str, at: str) -> BudgetRecord:
    return opened("demo", BudgetLimits(), zone, utc(at))


@pytest.mark.parametrize("span", ["day", "month"])
def test_a_period_goes_on_until_it_ends_and_the_next_begins_there(span: Span) -> None:
    budget = a_budget("UTC", "2026-11-30T12:00")
    last_moment, end = utc("2026-11-30T23:59:59.999999"), utc("2026-12-01T00:00")

    assert rolled(budget, last_moment) == budget
    assert rolled(budget, end).running(span).starts == end == budget.running(span).ends


def test_a_clock_that_is_behind_starts_no_earlier_period() -> None:
    budget = rolled(a_budget("UTC", "2026-11-30T12:00"), utc("2026-12-01T00:00"))

    assert rolled(budget, utc("2026-11-30T23:50")) == budget


def test_periods_without_jobs_are_skipped() -> None:
    budget = rolled(a_budget("UTC", "2026-11-30T12:00"), utc("2027-02-14T12:00"))

    assert [each.key for each in budget.windows] == ["2027-02-14", "2027-02", "total"]


@pytest.mark.parametrize(
    ("zone", "keys"),
    [
        (TOKYO, ["2026-11-30", "2026-12-01", "2026-12-02"]),  # the second one is short
        (NEW_YORK, ["2026-11-30", "2026-11-30", "2026-12-01"]),  # the first one is longer
    ],
    ids=["east", "west"],
)
def test_another_zone_starts_with_the_next_period_and_no_day_comes_twice(
    zone: str, keys: list[str]
) -> None:
    budget = a_budget("UTC", "2026-11-30T12:00").model_copy(update={"zone": zone})
    days = []
    for at in ("2026-11-30T23:59", "2026-12-01T04:00", "2026-12-01T15:00"):
        budget = rolled(budget, utc(at))
        days.append(budget.running("day").key)

    assert days == keys
    assert budget.running("day").ends == period_of("day", utc("2026-12-01T15:00"), zone).ends


def test_clients_see_when_each_window_renews() -> None:
    limits = BudgetLimits.model_validate({"day": "5"})
    budget = opened("demo", limits, BERLIN, utc("2026-11-30T12:00"))

    day, month, total = budget_state(budget, utc("2026-12-01T08:00")).windows

    assert (day.key, day.renews_at) == ("2026-12-01", utc("2026-12-01T23:00"))
    assert (month.key, month.renews_at) == ("2026-12", utc("2026-12-31T23:00"))
    assert (total.key, total.renews_at, total.limit) == ("total", None, None)

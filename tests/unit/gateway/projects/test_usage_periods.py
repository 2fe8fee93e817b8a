"""Usage is asked for by the calendar of a time zone, whose days are not all 24 hours long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.usage import UsageQuery
from services.gateway.projects.usage_cursors import continued, cursor_of
from services.gateway.projects.usage_periods import usage_periods, zone_of

NOW = datetime(2026, 11, 29, 15, 30, tzinfo=UTC)
BERLIN = zone_of("Europe/Berlin")


def asked(**fields: Any) -> UsageQuery:
    return UsageQuery.model_validate(fields)


def hours(**fields: Any) -> dict[str, float]:
    """Length of each day."""
    periods = usage_periods(asked(**fields), BERLIN, NOW)
    return {each.name: (each.ends - each.starts) / timedelta(hours=1) for each in periods}


def pointers(**fields: Any) -> list[str]:
    with pytest.raises(ValidationFailed) as error:
        usage_periods(asked(**fields), BERLIN, NOW)
    return [each.pointer for each in error.value.errors]


def test_without_a_time_it_is_the_last_thirty_days() -> None:
    periods = usage_periods(asked(), UTC, NOW)

    assert len(periods) == 30
    assert periods[0].starts == datetime(2026, 10, 31, tzinfo=UTC)
    assert (periods[-1].name, periods[-1].ends) == ("2026-11-29", NOW)


@pytest.mark.parametrize(
    ("day", "following", "length"),
    [("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25)],
    ids=["spring", "autumn"],
)
def test_a_day_on_which_clocks_change_is_one_day(day: str, following: str, length: int) -> None:
    assert hours(since=day, until=following) == {day: length}


def test_periods_touch_each_other() -> None:
    periods = usage_periods(asked(since="2026-03-01", until="2026-11-01"), BERLIN, NOW)

    assert [each.ends for each in periods[:-1]] == [each.starts for each in periods[1:]]
    assert len(periods) == 245


def test_the_first_and_the_last_day_may_be_cut() -> None:
    hours_by_day = hours(since="2026-11-01T22:30:00Z", until="2026-11-02T11:00:00+01:00")

    assert hours_by_day == {"2026-11-01": 0.5, "2026-11-02": 11}


def test_what_is_not_split_by_day_is_one_period() -> None:
    [period] = usage_periods(asked(by="model", since="2020-01-01", until="2026-01-01"), UTC, NOW)

    assert (period.starts.year, period.ends.year) == (2020, 2026)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"since": "2026-11-02", "until": "2026-11-02"}, "/query/until"),
        ({"since": "2027-01-01"}, "/query/until"),
        ({"since": "2020-01-01"}, "/query/since"),
        ({"since": "0001-01-01"}, "/query/since"),
        ({"until": "9999-12-31T23:59:59Z"}, "/query/until"),
    ],
    ids=["empty", "future", "too long", "too early", "too late"],
)
def test_a_time_that_cannot_be_is_pointed_at(fields: dict[str, str], pointer: str) -> None:
    assert pointers(**fields) == [pointer]


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "Europe", "", "a" * 64])
def test_a_time_zone_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ValidationFailed):
        zone_of(name)


def test_a_cursor_goes_on_in_the_time_in_which_the_list_began() -> None:
    periods = usage_periods(asked(), BERLIN, NOW)
    later = continued(asked(cursor=cursor_of(periods, "place~1")))

    assert usage_periods(later, BERLIN, NOW + timedelta(days=2)) == periods
    assert later.cursor == "place~1"


@pytest.mark.parametrize("cursor", ["x", "1~2", "x~1~y", "1~nan~y", "1e300~2~y"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    query = asked(cursor=cursor)

    with pytest.raises(ValidationFailed):
        usage_periods(continued(query), UTC, NOW)

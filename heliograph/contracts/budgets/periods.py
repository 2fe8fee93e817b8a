"""Periods of budgets: days and months in the time zone of a project. Pure."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

Span = Literal["day", "month", "total"]
CALENDAR: tuple[Span, ...] = ("day", "month")  #: spans that end and begin anew
SPANS: tuple[Span, ...] = (*CALENDAR, "total")


class Period(NamedTuple):
    """A day or a month: `starts` is part of it, `ends` is part of the next one; both in UTC."""

    key: str
    starts: datetime
    ends: datetime


def time_zone(name: str) -> tzinfo:
    """
    A time zone by its IANA name.

    Raises:
        ValueError: The time zone does not exist.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # the last two: it is a folder, or no name
        raise ValueError(f"there is no time zone {name!r}") from error


def period_of(span: Span, at: datetime, zone: str) -> Period:
    """The day or the month that a moment is in."""
    local = time_zone(zone)
    today = at.astimezone(local).date()
    if span == "day":
        return Period(today.isoformat(), midnight(today, local), midnight(next_day(today), local))
    first = today.replace(day=1)
    return Period(f"{first:%Y-%m}", midnight(first, local), midnight(_next_month(first), local))


def next_day(day: date) -> date:
    """The day after, by the calendar."""
    return day + timedelta(days=1)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day: where clocks skip midnight, that in which they do."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)

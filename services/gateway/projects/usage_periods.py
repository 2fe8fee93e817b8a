"""Periods of usage: the requested period, split into days if grouped by day. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo

from heliograph.contracts.budgets.periods import midnight, next_day, time_zone
from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.queries.usage import MAX_PERIODS, UsagePeriod
from heliograph.contracts.usage import UsageQuery, moment

_USUAL = timedelta(days=29)  #: before the last day
_YEARS = range(1970, 9000)


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name. Raises ValidationFailed."""
    try:
        return time_zone(name)
    except ValueError:
        raise ValidationFailed.at("/query/time_zone", "there is no such time zone") from None


def usage_periods(query: UsageQuery, zone: tzinfo, now: datetime) -> list[UsagePeriod]:
    """
    The days of a query in a time zone, or its whole time as one period.

    Raises:
        ValidationFailed: The period ends before it begins, or has too many days.
    """
    for name, given in (("since", query.since), ("until", query.until)):
        if given and given.year not in _YEARS:
            raise ValidationFailed.at(f"/query/{name}", "is out of range")
    until = moment(query.until, zone) if query.until else now
    since = moment(query.since, zone) if query.since else _first_moment(until - _USUAL, zone)
    if since >= until:
        raise ValidationFailed.at("/query/until", "is not after `since`")
    if "day" not in query.by:
        return [UsagePeriod(name="", starts=since, ends=until)]
    if until - since > timedelta(days=MAX_PERIODS - 2):
        raise ValidationFailed.at("/query/since", f"at most {MAX_PERIODS - 2} days by day")
    return list(_days(since, until, zone))


def _days(since: datetime, until: datetime, zone: tzinfo) -> Iterator[UsagePeriod]:
    """Days of the zone's calendar, 23 to 25 hours long; the first and the last may be cut."""
    starts = since.astimezone(UTC)
    while starts < until:
        day = starts.astimezone(zone).date()
        ends = min(midnight(next_day(day), zone), until.astimezone(UTC))
        yield UsagePeriod(name=day.isoformat(), starts=starts, ends=ends)
        starts = ends


def _first_moment(at: datetime, zone: tzinfo) -> datetime:
    """The first moment of the day that a time is in."""
    return datetime.combine(at.astimezone(zone).date(), time.min, zone)

"""Cursors of usage; they contain the period, so that all pages have the same one. Pure."""

from datetime import UTC, datetime

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.queries.usage import UsagePeriod
from heliograph.contracts.usage import UsageQuery


def cursor_of(periods: list[UsagePeriod], position: str) -> str:
    """A cursor that continues in the same period, however late it is used."""
    starts, ends = periods[0].starts.timestamp(), periods[-1].ends.timestamp()
    return f"{starts!r}~{ends!r}~{position}"


def continued(query: UsageQuery) -> UsageQuery:
    """The query for the period of its cursor. Raises ValidationFailed."""
    if query.cursor is None:
        return query
    starts, _, rest = query.cursor.partition("~")
    ends, _, position = rest.partition("~")
    try:
        since, until = (datetime.fromtimestamp(float(each), UTC) for each in (starts, ends))
        if not position:
            raise ValueError("it has no position")
    except (ValueError, OverflowError, OSError):
        raise ValidationFailed.at("/query/cursor", "is not a cursor of this list") from None
    return query.model_copy(update={"since": since, "until": until, "cursor": position})

"""Times as the database stores them: microseconds since 1970."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stamp(at: datetime) -> int:
    """A time as it is stored."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def read_stamp(stored: int) -> datetime:
    """A time as it was stored."""
    return _EPOCH + timedelta(microseconds=stored)

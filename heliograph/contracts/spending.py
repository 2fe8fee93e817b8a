"""Spending of a job: what it costs so far, for reports. Pure."""

from decimal import Decimal
from typing import NamedTuple

from heliograph.contracts.records import Record

_ZERO = Decimal(0)


class Spending(NamedTuple):
    """Amounts of one job, or of many. What was spent is `actual` and `unknown` together."""

    estimated: Decimal  #: price when it was accepted
    actual: Decimal  #: charged, of a job that has ended
    held: Decimal  #: what an open job may cost
    unknown: Decimal  #: what may have been charged, of a job that has ended


def spending_of(record: Record) -> Spending:
    """The amounts of a job as of its last event."""
    unknown = sum((a.price for a in record.internal.attempts if a.charged == "unknown"), _ZERO)
    estimated, actual = record.cost.estimated, record.cost.actual
    if not record.step.is_final:
        return Spending(estimated, _ZERO, _held(record), _ZERO)
    if record.charged == "no":
        return Spending(estimated, _ZERO, _ZERO, _ZERO)
    if actual is None and not unknown:
        unknown = estimated
    return Spending(estimated, actual or _ZERO, _ZERO, unknown)


def _held(record: Record) -> Decimal:
    """The price of every attempt that was not free, and of the one that is still to be sent."""
    attempts = sum((each.price for each in record.internal.attempts if each.charged != "no"), _ZERO)
    return attempts + (record.cost.estimated if record.step.is_unsent else _ZERO)

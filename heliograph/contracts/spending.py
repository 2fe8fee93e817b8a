"""Spending of a job so far, for reports. The sums equal the balances of budgets. Pure."""

from decimal import Decimal
from typing import NamedTuple

from heliograph.contracts.money import ZERO
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import counted


class Spending(NamedTuple):
    """Amounts of one job, or of many. What was spent is `actual` and `unknown` together."""

    estimated: Decimal  #: price when it was accepted
    actual: Decimal  #: charged, of a job that has ended
    held: Decimal  #: what an open job may cost
    unknown: Decimal  #: what may have been charged, of a job that has ended


def spending_of(record: Record) -> Spending:
    """The amounts of a job as of its last event."""
    estimated = record.cost.estimated
    if not record.step.is_final:
        return Spending(estimated, ZERO, _held(record), ZERO)
    spent = counted(record)
    actual = min(spent, record.cost.actual or ZERO)
    return Spending(estimated, actual, ZERO, spent - actual)


def _held(record: Record) -> Decimal:
    """
    What the budget holds for it; without one the price of every attempt that was not free, and of the
    one that is still to be sent.
    """
    if record.internal.reserved:
        return record.internal.reserved.amount
    attempts = sum((each.price for each in record.internal.attempts if each.charged != "no"), ZERO)
    return attempts + (record.cost.estimated if record.step.is_unsent else ZERO)

"""Holds and settlements: how a job counts in the budgets of its project, kept in its record."""

from heliograph.contracts.money import Money
from heliograph.contracts.tolerant_reader import Tolerant


class Hold(Tolerant):
    """Amount that a job holds until it ends, and the periods in which it was accepted."""

    amount: Money  #: for every attempt that may be charged
    day: str  #: key of the period, as `2026-11-30`
    month: str  #: as `2026-11`


class Settlement(Tolerant):
    """Amount that an ended job counts with as spent."""

    amount: Money
    before: Money  #: what it counted with before the event that carries this

"""Holds and settlements: how a job counts in the budgets of its project, kept in its record."""

from pydantic import AwareDatetime, Field

from heliograph.contracts.money import Money
from heliograph.contracts.tolerant_reader import Tolerant


class Hold(Tolerant):
    """Amount that a job holds until it ends, and the periods in which it was accepted."""

    amount: Money  #: for every attempt that may be charged
    day: str  #: key of the period, as `2026-11-30`
    month: str  #: as `2026-11`
    counted: bool = False  #: it is one of the open jobs that the budget limits
    user: int | None = None  #: the budget of its user counts it, too: `BudgetRecord.since` then


class PlanHold(Hold):
    """
    Hold for those jobs of a bulk request that are not accepted yet.

    Each job takes its price from here when it is accepted. What is left is given back once every copy of
    the request is done, or when its time is over because no process does it any more.
    """

    name: str  #: of the bulk request
    jobs: int  #: that are still to be counted as open; 0 where the budget does not limit them
    until: AwareDatetime
    holders: list[str] = Field(default_factory=list)  #: copies of the request that are under way


class Settlement(Tolerant):
    """Amount that an ended job counts with as spent."""

    amount: Money
    before: Money  #: what it counted with before the event that carries this

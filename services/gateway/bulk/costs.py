"""Sum of costs. Pure."""

from collections.abc import Collection
from decimal import Decimal

from heliograph.contracts.jobs import Cost


def total_cost(costs: Collection[Cost]) -> Cost | None:
    """
    Costs added up; `actual` is of those whose actual cost is known, and null when none is.

    None: they are in different currencies.
    """
    currencies = {cost.currency for cost in costs} or {Cost().currency}
    if len(currencies) > 1:
        return None
    known = [cost.actual for cost in costs if cost.actual is not None]
    return Cost(
        estimated=sum((cost.estimated for cost in costs), Decimal(0)),
        actual=sum(known, Decimal(0)) if known else None,
        currency=currencies.pop(),
    )

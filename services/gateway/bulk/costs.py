"""Sum of costs. Pure."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.jobs import Cost


def total_cost(costs: Collection[Cost]) -> Cost | None:
    """
    Sum of costs; its `actual` adds up the known actual costs, and is null if none is known. None: the
    currencies differ.
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


def sum_costs(costs: Sequence[Cost]) -> Cost:
    """
    Sum of the costs.

    Raises:
        ValidationFailed: The jobs are priced in different currencies.
    """
    total = total_cost(costs)
    if total is None:
        currencies = " and ".join(sorted({cost.currency for cost in costs}))
        reason = f"prices are in {currencies}: ask for one model at a time"
        raise ValidationFailed.at("/filter/model", reason)
    return total.model_copy(update={"actual": None})

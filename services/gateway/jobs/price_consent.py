"""Consent to a price: what a request allows, and the key that a paid request needs. Pure."""

from decimal import Decimal

from heliograph.contracts.errors import IdempotencyKeyRequired, OverMaxCost
from heliograph.contracts.jobs import Cost
from heliograph.contracts.problems import NextAction


def check_max_cost(cost: Cost, max_cost: Decimal | None) -> None:
    """Raises OverMaxCost."""
    if max_cost is not None and cost.estimated > max_cost:
        raise over_max_cost(cost, f"the request allows {max_cost:f}")


def over_max_cost(cost: Cost, limit: str) -> OverMaxCost:
    """The error of a price that is over a limit, with what would allow it."""
    price = f"{cost.estimated:f}"
    allow = NextAction(
        kind="change_request",
        label=f"Allow {price} {cost.currency}",
        patch={"max_cost": price, "quote": None},
    )
    return OverMaxCost(f"the price is {price} {cost.currency}, {limit}", next_actions=[allow])


def check_key(cost: Cost, key: str | None) -> None:
    """Raises IdempotencyKeyRequired: it costs something, and could be sent twice by accident."""
    if cost.estimated and key is None:
        raise IdempotencyKeyRequired

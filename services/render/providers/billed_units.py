"""Billed units that providers report, by their own names. Pure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

Units = dict[str, Decimal]

_MOST = Decimal(10) ** 12  #: of one unit; more is a mistake of the provider
_PLACES = 12  #: after the point; amounts are written out in events, which have to fit a message


def units_in(counts: Any) -> Units:
    """Numbers in an object of the provider's, with those of objects in it as `outer.inner`."""
    return dict(_numbers(counts)) if isinstance(counts, dict) else {}


def amount_in(text: Any) -> Decimal | None:
    """An amount of units, rounded as amounts of money are; None if the value is not an amount."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    try:
        amount = Decimal(str(text).strip())
    except InvalidOperation:
        return None
    if not (amount.is_finite() and 0 <= amount <= _MOST):
        return None
    return round(amount, _PLACES).normalize()


def _numbers(counts: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    for name, value in counts.items():
        if isinstance(value, dict):
            inner = ((each, amount_in(count)) for each, count in value.items())
            yield from ((f"{name}.{each}", count) for each, count in inner if count is not None)
        elif (count := amount_in(value)) is not None:
            yield name, count

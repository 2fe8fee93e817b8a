"""Amounts of money as the database stores them: billionths, as whole numbers, which add up exactly."""

from decimal import ROUND_UP, Decimal

_BILLIONTH = Decimal("1e-9")


def stored_amount(amount: Decimal) -> int:
    """An amount as it is stored; what is smaller than a billionth is one."""
    return int(amount.quantize(_BILLIONTH, ROUND_UP).scaleb(9))


def read_amount(stored: int) -> Decimal:
    """An amount as it was stored, without zeros at its end."""
    amount = Decimal(stored).scaleb(-9).normalize()
    return amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount

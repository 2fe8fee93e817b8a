"""Whole numbers in requests: JSON has one kind of number, so 1.0 is 1; a text is not a number."""

from typing import Any

from pydantic import BeforeValidator


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)  #: for a strict `int`

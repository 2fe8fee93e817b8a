"""Strict JSON (RFC 8259): what Python's parser takes, without `NaN` and `Infinity`. Pure."""

import json
from typing import NoReturn


def refuse_constant(name: str) -> NoReturn:
    """`parse_constant` of a strict parser."""
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    parse_constant=refuse_constant
)  #: `json.loads` builds one for each text


def parse_json(text: str) -> object:
    """
    A JSON value.

    Raises:
        ValueError: The text is not JSON.
        RecursionError: The text is nested too deep.
    """
    return _DECODER.decode(text)

"""Flat body of a request: all parameters beside each other, as fal and Replicate take them. Pure."""

from collections.abc import Callable, Collection
from typing import Any

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, defaults, references

Put = Callable[[Model, str, Any], dict[str, Any]]


def flat_body(
    call: Call, *, priced_by: Collection[str], put: Put, never_sent: Collection[str]
) -> dict[str, Any]:
    """
    What the request says in our words, over it what it says in the provider's, and over that what the
    model's price rests on. If the model takes a seed, every run has its own.

    Args:
        priced_by: Parameters whose defaults are said, as a price rests on them.
        put: One of our parameters, as the model wants it.
        never_sent: Names that the provider never gets.
    """
    model = call.model
    arguments = {**defaults(model, *priced_by), **call.arguments}
    body = references(call)
    for name, value in arguments.items():
        if name in model.parameters:
            body |= put(model, name, value)
    if "seed" in model.parameters:
        body.setdefault("seed", call.seed)
    body |= {name: value for name, value in arguments.items() if name not in model.parameters}
    body |= model.wire.fixed
    return {name: value for name, value in body.items() if name not in never_sent}

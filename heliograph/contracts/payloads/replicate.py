"""The input of a prediction at Replicate."""

from collections.abc import Mapping
from typing import Any

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, counted, defaults, references

_NEVER_SENT = frozenset({"timeout_seconds"})  #: ours


def build(call: Call) -> dict[str, Any]:
    """
    What the request says in our words, over it what it says in Replicate's, and over that what the
    model's price rests on. If the model takes a seed, every run has its own.
    """
    model, arguments = call.model, call.arguments
    body = references(call)
    for name, value in {**defaults(model, "num_images"), **arguments}.items():
        if name in model.parameters:
            body[_named(model, name)] = value
    if "seed" in model.parameters:
        body.setdefault("seed", call.seed)
    body |= {name: value for name, value in arguments.items() if name not in model.parameters}
    body |= model.wire.fixed
    return {name: value for name, value in body.items() if name not in _NEVER_SENT}


def quantities(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """How many outputs, and how many seconds."""
    found = counted(body, model.wire.count)
    if "duration_seconds" in body:
        found["duration_seconds"] = body["duration_seconds"]
    return found


def _named(model: Model, name: str) -> str:
    return model.wire.count if name == "num_images" else name

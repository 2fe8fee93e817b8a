"""What a submission says in Replicate's words: the input of a prediction."""

from typing import Any

from heliograph.contracts.registry import Model
from services.render.providers import Submission
from services.render.providers.seeding import seed_for

_NEVER_SENT = frozenset({"timeout_seconds"})  #: ours


def arguments_for(submission: Submission, model: Model, references: list[str]) -> dict[str, Any]:
    """
    The input: what the request says in our words, over it what it says in Replicate's, and over
    that what the model's price rests on. If the model takes a seed, every run has its own.
    """
    said = submission.arguments
    body = _references(model, references) | _defaults(model)
    for name, value in said.items():
        if name in model.parameters:
            body[_named(model, name)] = value
    if "seed" in model.parameters:
        body.setdefault("seed", seed_for(submission))
    body |= {name: value for name, value in said.items() if name not in model.parameters}
    body |= model.wire.fixed
    return {name: value for name, value in body.items() if name not in _NEVER_SENT}


def _defaults(model: Model) -> dict[str, Any]:
    """What we price by is said, whatever the model's own default is this month."""
    schema = model.parameters.get("num_images", {})
    return {model.wire.count: schema["default"]} if "default" in schema else {}


def _named(model: Model, name: str) -> str:
    return model.wire.count if name == "num_images" else name


def _references(model: Model, urls: list[str]) -> dict[str, Any]:
    wire = model.wire
    if not urls or wire.references is None:
        return {}
    return {wire.references: urls if wire.references_in == "list" else urls[0]}

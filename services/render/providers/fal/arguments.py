"""What a submission says in fal's words: each model has its own names for the same things."""

from collections.abc import Callable
from typing import Any

from heliograph.contracts.registry import Model
from services.render.providers import Submission
from services.render.providers.seeding import seed_for

#: the first is ours; the second puts the media into the answer, and the answer out of fal's list
_NEVER_SENT = frozenset({"timeout_seconds", "sync_mode"})

#: all within one megapixel, which is what they are priced by
_IMAGE_SIZES: dict[str, Any] = {
    "1:1": "square_hd",
    "4:3": "landscape_4_3",
    "3:4": "portrait_4_3",
    "16:9": "landscape_16_9",
    "9:16": "portrait_16_9",
    "3:2": {"width": 1152, "height": 768},
    "2:3": {"width": 768, "height": 1152},
    "21:9": {"width": 1344, "height": 576},
}
_DURATIONS: dict[str, Callable[[int], Any]] = {
    "string": str,
    "suffixed": lambda seconds: f"{seconds}s",
    "integer": int,
}


def arguments_for(submission: Submission, model: Model, references: list[str]) -> dict[str, Any]:
    """
    The body of the request: what the request says in our words, over it what it says in fal's, and
    over that what the model's price rests on. If the model takes a seed, every run has its own.
    """
    said = {**_defaults(model), **submission.arguments}
    body = _references(model, references)
    for name, value in said.items():
        if name in model.parameters:
            body |= _put(model, name, value)
    if "seed" in model.parameters:
        body.setdefault("seed", seed_for(submission))
    body |= {name: value for name, value in said.items() if name not in model.parameters}
    body |= model.wire.fixed
    return {name: value for name, value in body.items() if name not in _NEVER_SENT}


def _defaults(model: Model) -> dict[str, Any]:
    """What we price by is said, whatever fal's own defaults are this month."""
    priced_by = ("num_images", "duration_seconds")
    schemas = {name: model.parameters[name] for name in priced_by if name in model.parameters}
    return {name: schema["default"] for name, schema in schemas.items() if "default" in schema}


def _put(model: Model, name: str, value: Any) -> dict[str, Any]:
    """One of our parameters, as the model wants it."""
    wire = model.wire
    if name == "aspect_ratio" and wire.size == "image_size":
        return {"image_size": _IMAGE_SIZES.get(value, value)}
    if name == "duration_seconds" and wire.duration:
        return {"duration": _DURATIONS[wire.duration](value)}
    return {name: value}


def _references(model: Model, urls: list[str]) -> dict[str, Any]:
    wire = model.wire
    if not urls or wire.references is None:
        return {}
    return {wire.references: urls if wire.references_in == "list" else urls[0]}

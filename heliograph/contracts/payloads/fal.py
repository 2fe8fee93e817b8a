"""The body that fal gets: each of its models has its own names for the same things."""

from collections.abc import Callable, Mapping
from typing import Any

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, counted, defaults, references

#: the first is ours; the second inlines the media, and hides the request from fal's request list
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


def build(call: Call) -> dict[str, Any]:
    """
    What the request says in our words, over it what it says in fal's, and over that what the
    model's price rests on. If the model takes a seed, every run has its own.
    """
    model = call.model
    arguments = {**defaults(model, "num_images", "duration_seconds"), **call.arguments}
    body = references(call)
    for name, value in arguments.items():
        if name in model.parameters:
            body |= _put(model, name, value)
    if "seed" in model.parameters:
        body.setdefault("seed", call.seed)
    body |= {name: value for name, value in arguments.items() if name not in model.parameters}
    body |= model.wire.fixed
    return {name: value for name, value in body.items() if name not in _NEVER_SENT}


def quantities(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """How many outputs, and how many seconds."""
    found = counted(body, "num_images")
    for name in ("duration", "duration_seconds"):
        if name in body:
            found["duration_seconds"] = str(body[name]).removesuffix("s")
    return found


def _put(model: Model, name: str, value: Any) -> dict[str, Any]:
    """One of our parameters, as the model wants it."""
    wire = model.wire
    if name == "aspect_ratio" and wire.size == "image_size":
        return {"image_size": _IMAGE_SIZES.get(value, value)}
    if name == "duration_seconds" and wire.duration:
        return {"duration": _DURATIONS[wire.duration](value)}
    return {name: value}

"""The body that fal gets: each of its models has its own names for the same things."""

from collections.abc import Callable, Mapping
from typing import Any

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, counted
from heliograph.contracts.payloads.flat_body import flat_body

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
    """The body of a request to fal."""
    priced_by = ("num_images", "duration_seconds")
    return flat_body(call, priced_by=priced_by, put=_put, never_sent=_NEVER_SENT)


def quantities(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Number of outputs, and seconds."""
    result = counted(body, "num_images")
    for name in ("duration", "duration_seconds"):
        if name in body:
            result["duration_seconds"] = str(body[name]).removesuffix("s")
    return result


def _put(model: Model, name: str, value: Any) -> dict[str, Any]:
    """Set one of our parameters in the form that the model expects."""
    wire = model.wire
    if name == "aspect_ratio" and wire.size == "image_size":
        return {"image_size": _IMAGE_SIZES.get(value, value)}
    if name == "duration_seconds" and wire.duration:
        return {"duration": _DURATIONS[wire.duration](value)}
    return {name: value}

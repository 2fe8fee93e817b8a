"""A model call in our terms, and helpers to map it to a provider's request."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heliograph.contracts.models import Model

_MEGAPIXEL = 2**20  #: pixels, as providers count them: 1024 × 1024 is one


class UnfitRequest(ValueError):
    """The request cannot be written as a body for its provider."""

    def __init__(self, detail: str, *, name: str | None = None) -> None:
        super().__init__(detail)
        self.name = name  #: of the argument that does not fit, where it is one


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a model."""

    model: Model
    arguments: Mapping[str, Any]  #: prompt and parameters, with raw arguments laid over them
    references: Sequence[str] = ()  #: addresses, in order
    seed: int = 0  #: taken where the model takes one and the request names none


def defaults(model: Model, *names: str) -> dict[str, Any]:
    """Defaults of parameters that affect the price: sent, as the provider's defaults may change."""
    schemas = {name: model.parameters[name] for name in names if name in model.parameters}
    return {name: schema["default"] for name, schema in schemas.items() if "default" in schema}


def references(call: Call) -> dict[str, Any]:
    """The addresses, under the name and in the number that the model wants."""
    wire = call.model.wire
    if not call.references or wire.references is None:
        return {}
    urls = list(call.references)
    return {wire.references: urls if wire.references_in == "list" else urls[0]}


def counted(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The number of outputs that a body asks for under `name`."""
    return {"num_images": body[name]} if name in body else {}


def megapixels(body: Mapping[str, Any]) -> dict[str, Any]:
    """The begun megapixels of an output, where a body names its width and height in pixels."""
    size = body.get("image_size", body)
    if not isinstance(size, Mapping) or not {"width", "height"} <= size.keys():
        return {}
    pixels = int(size["width"]) * int(size["height"])
    return {"megapixels": max(1, math.ceil(pixels / _MEGAPIXEL))}

"""OpenAI's request body, also for compatible servers."""

from collections.abc import Mapping
from typing import Any

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, counted, defaults

_NEVER_SENT = frozenset({"timeout_seconds", "aspect_ratio"})
_SIZES = {"1:1": "1024x1024", "3:2": "1536x1024", "2:3": "1024x1536"}


def build(call: Call) -> dict[str, Any]:
    """
    What the request says in our words, over it what it says in OpenAI's, and over that what the
    model's price rests on.
    """
    model = call.model
    arguments = {**defaults(model, "num_images", "aspect_ratio"), **call.arguments}
    body: dict[str, Any] = {"model": model.endpoint}
    if arguments.get("aspect_ratio") in _SIZES:
        body["size"] = _SIZES[arguments["aspect_ratio"]]
    if "num_images" in arguments:
        body[model.wire.count] = arguments.pop("num_images")
    return {
        **body,
        **{n: v for n, v in arguments.items() if n not in _NEVER_SENT},
        **model.wire.fixed,
    }


def quantities(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Number of images."""
    return counted(body, model.wire.count)

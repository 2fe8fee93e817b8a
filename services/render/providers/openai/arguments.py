"""What a submission says in OpenAI's words."""

from typing import Any

from heliograph.contracts.registry import Model
from services.render.providers import Submission

_NEVER_SENT = frozenset({"timeout_seconds", "aspect_ratio"})
_SIZES = {"1:1": "1024x1024", "3:2": "1536x1024", "2:3": "1024x1536"}


def arguments_for(submission: Submission, model: Model) -> dict[str, Any]:
    """
    The body: what the request says in our words, over it what it says in OpenAI's, and over that
    what the model's price rests on.
    """
    said = {**_defaults(model), **submission.arguments}
    body: dict[str, Any] = {"model": submission.endpoint}
    if said.get("aspect_ratio") in _SIZES:
        body["size"] = _SIZES[said["aspect_ratio"]]
    if "num_images" in said:
        body[model.wire.count] = said.pop("num_images")
    return {**body, **{n: v for n, v in said.items() if n not in _NEVER_SENT}, **model.wire.fixed}


def _defaults(model: Model) -> dict[str, Any]:
    """What we price by is said, whatever the server's own defaults are."""
    schemas = {n: s for n, s in model.parameters.items() if n in ("num_images", "aspect_ratio")}
    return {name: schema["default"] for name, schema in schemas.items() if "default" in schema}

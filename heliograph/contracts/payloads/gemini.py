"""Gemini's request body: for a picture, or for a story of so many scenes."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from heliograph.contracts.models import Model
from heliograph.contracts.payloads.call import Call, UnfitRequest

_DEFAULT_SCENES = 5
_EDITOR = (
    "You break a story into scenes for a film. Each scene has a heading, what happens in it, a prompt "
    "for one picture of it that stands without the others, and its length in seconds."
)


class _Arguments(BaseModel):
    """Arguments of a Gemini request; its client refuses other types than these."""

    model_config = ConfigDict(extra="allow")

    prompt: str
    num_scenes: int = Field(default=_DEFAULT_SCENES, ge=1)
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    temperature: float | None = Field(default=None, ge=0)
    max_output_tokens: int | None = Field(default=None, ge=1)
    aspect_ratio: str | None = None
    image_size: str | None = None


def build(call: Call) -> dict[str, Any]:
    """
    `contents`, and `config` as Gemini's client takes it; a story's config lacks the schema, which
    the client makes of a class.
    """
    arguments = _validated(call)
    if call.model.media != "text":
        shape = {"aspect_ratio": arguments.aspect_ratio, "image_size": arguments.image_size}
        config: dict[str, Any] = {"response_modalities": ["IMAGE"], "image_config": _known(shape)}
        return {"contents": arguments.prompt, "config": config}
    config = {
        "system_instruction": _EDITOR,
        "response_mime_type": "application/json",
        "seed": call.seed if arguments.seed is None else arguments.seed,
        "temperature": arguments.temperature,
        "max_output_tokens": arguments.max_output_tokens,
    }
    contents = f"{arguments.prompt}\n\nWrite {arguments.num_scenes} scenes."
    return {"contents": contents, "config": _known(config)}


def quantities(body: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """Gemini makes one picture, or one story."""
    return {}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _validated(call: Call) -> _Arguments:
    """The arguments, of which Gemini's client takes no others: some would have it repeat itself."""
    unknown = call.arguments.keys() - call.model.parameters.keys() - {"prompt"}
    if unknown:
        name = min(unknown)
        raise UnfitRequest(f"{', '.join(sorted(unknown))}: not understood by this model", name=name)
    try:
        return _Arguments.model_validate({**call.arguments, **call.model.wire.fixed})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UnfitRequest(f"{name}: {first['msg']}", name=name) from None

"""Default aspect ratio of a project, for models that take one. Pure."""

from typing import Any

from jsonschema import Draft202012Validator

from heliograph.contracts.models import Model
from heliograph.contracts.projects import Defaults

_SHAPE = "aspect_ratio"


def supports_aspect_ratio(model: Model, shape: str) -> bool:
    """Whether a model makes pictures of an aspect ratio."""
    schema = model.parameters.get(_SHAPE)
    return schema is not None and bool(Draft202012Validator(schema).is_valid(shape))


def default_aspect_ratio(model: Model | None, defaults: Defaults) -> dict[str, Any]:
    """The project's default as a parameter, if the model has such a parameter."""
    shape = defaults.aspect_ratio
    return {_SHAPE: shape} if model and shape and supports_aspect_ratio(model, shape) else {}

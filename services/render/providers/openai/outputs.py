"""Audit excerpt of an OpenAI response, without its images."""

import json
from typing import Any

_EXCERPT = 4096  #: characters


def audit_excerpt(body: dict[str, Any] | list[Any]) -> str:
    """A response without the images in it."""
    fields = {} if isinstance(body, list) else body
    return json.dumps({name: value for name, value in fields.items() if name != "data"})[:_EXCERPT]

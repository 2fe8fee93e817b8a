"""Audit excerpt of an OpenAI response, without its images."""

import json
from typing import Any

_EXCERPT = 4096  #: characters


def audit_excerpt(body: dict[str, Any]) -> str:
    """An answer without the images in it."""
    return json.dumps({name: value for name, value in body.items() if name != "data"})[:_EXCERPT]

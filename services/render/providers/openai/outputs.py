"""The images in an answer: as addresses, or as they are."""

import base64
import binascii
import json
from typing import Any

from heliograph.contracts.errors import JobError, NoOutput, ProviderProtocol
from heliograph.contracts.problems import ProviderNote
from services.render.providers.wire import is_address

Made = str | bytes  #: an address, or the image

_EXCERPT = 4096  #: characters
_NOTE = ProviderNote(name="openai")


def made_in(body: dict[str, Any]) -> list[Made] | JobError:
    """What was made; else why that cannot be said."""
    items = body.get("data")
    if not isinstance(items, list):
        return ProviderProtocol("the answer has no data", provider=_NOTE)
    if not items:
        return NoOutput(provider=_NOTE)
    found = [_made(item) for item in items]
    made = [each for each in found if each is not None]
    if len(made) < len(found):
        return ProviderProtocol("not everything in the answer is an image", provider=_NOTE)
    return made


def audit(body: dict[str, Any]) -> str:
    """An answer without the images in it."""
    return json.dumps({name: value for name, value in body.items() if name != "data"})[:_EXCERPT]


def _made(item: Any) -> Made | None:
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("b64_json"), str):
        try:
            return base64.b64decode(item["b64_json"], validate=True) or None
        except (binascii.Error, ValueError):
            return None
    url = item.get("url")
    return url if is_address(url) else None

"""Fields of a request to which an error refers, in whatever form it names them. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from heliograph.contracts.json_pointers import pointer_to
from heliograph.contracts.problems import FieldError
from services.render.providers.error_words import error_code, meaningful_text

PLACES = ("loc", "field", "param", "pointer")
LISTED_PLACES = (*PLACES, "name", "path")  #: of objects in a list


def field_error(
    value: Mapping[str, Any], texts: list[str], places: tuple[str, ...]
) -> FieldError | None:
    """The field to which an error object refers, if it names one."""
    name = next((name for name in places if _is_place(name, value)), None)
    detail = texts[0] if texts else error_code(value.get("type"))
    if name is None or detail is None:
        return None
    place = value[name]
    path = re.split(r"[./#]", place) if isinstance(place, str) else place
    parts = [str(part) for part in path if part != ""] if isinstance(path, list) else []
    return FieldError(pointer=our_pointer(parts), detail=detail)


def _is_place(name: str, value: Mapping[str, Any]) -> bool:
    return name in value and (name == "loc" or meaningful_text(value[name]) is not None)


def our_pointer(path: list[str]) -> str:
    """Our JSON pointer for a provider's path."""
    parts = list(path)
    while parts and parts[0] in ("body", "input"):
        parts.pop(0)
    return pointer_to(parts if parts == ["prompt"] else ["arguments", *parts])

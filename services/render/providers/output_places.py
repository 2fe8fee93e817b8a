"""Places of a response where outputs may be: the entry's path, the usual names, anywhere. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.render.providers.output_names import USUAL_NAMES, has_content

_MAX_ROW_DEPTH = 3  #: levels of objects with usual names in which lists are looked for


@dataclass(frozen=True)
class OutputPlace:
    """A value that may hold the outputs."""

    value: Any
    around: tuple[Mapping[str, Any], ...] = ()  #: objects that it is in, which may say more of it


def output_places(content: Any, path: str | None) -> Iterator[OutputPlace]:
    """
    Where the outputs may be: where the model's entry says, then in lists where they usually are, then
    anywhere in the response.
    """
    if path:
        yield _at(content, path.split("."))
    yield from _usual_rows(content, ())
    yield OutputPlace(content, (content,) if isinstance(content, Mapping) else ())


def _at(value: Any, path: list[str]) -> OutputPlace:
    around = []
    for name in path:
        if isinstance(value, Mapping):
            around.append(value)
        value = value.get(name) if isinstance(value, Mapping) else None
    return OutputPlace(value, tuple(around))


def _usual_rows(value: Any, around: tuple[Mapping[str, Any], ...]) -> Iterator[OutputPlace]:
    """Lists under usual names; where an object is all that there is under one, those in it."""
    if not isinstance(value, Mapping) or len(around) >= _MAX_ROW_DEPTH:
        return
    around = (*around, value)
    usual = [value[name] for name in USUAL_NAMES if has_content(value.get(name))]
    yield from (OutputPlace(each, around) for each in usual if isinstance(each, list))
    if len(usual) == 1:
        yield from _usual_rows(usual[0], around)

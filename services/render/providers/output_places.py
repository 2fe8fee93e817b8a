"""Places of an answer where outputs may be: the entry's path, the usual names, anywhere. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MAX_ROW_DEPTH = 3  #: levels of objects with usual names in which lists are looked for

#: usual places of files in responses of models without an entry's `outputs`, the likeliest first
USUAL_NAMES = [
    "images",
    "image",
    "videos",
    "video",
    "outputs",
    "output",
    "data",
    "files",
    "file",
    "results",
    "result",
    "artifacts",
    "generated_images",
    "predictions",
]


@dataclass(frozen=True)
class OutputPlace:
    """A value that may hold the outputs."""

    value: Any
    around: tuple[Mapping[str, Any], ...] = ()  #: objects that it is in, which may say more of it


def output_places(answer: Any, path: str | None) -> Iterator[OutputPlace]:
    """
    Where the outputs may be: where the model's entry says, then in lists where they usually are, then
    anywhere in the answer.
    """
    if path:
        yield _at(answer, path.split("."))
    yield from _usual_rows(answer, ())
    yield OutputPlace(answer, (answer,) if isinstance(answer, Mapping) else ())


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


def has_content(value: Any) -> bool:
    """Whether there is more than nothing: null, an empty text, or an object of such."""
    if isinstance(value, Mapping):
        return any(has_content(each) for each in value.values())
    return value not in (None, "", False) and value != []

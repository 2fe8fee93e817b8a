"""What comes from outside, held to a shape; every mistake is pointed at, as RFC 6901 does it."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.problems import FieldError

MAX_DEPTH = 64  #: levels of nesting

Shape = TypeVar("Shape", bound=BaseModel)
Path = Iterable[int | str]


def pointer_to(path: Path) -> str:
    """The pointer that leads along a path, from the root."""
    steps = (str(step) for step in path if step != "[key]")  # the name itself is wrong
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def as_shape(
    content: dict[str, Any], shape: type[Shape], pointer: Callable[[Path], str] = pointer_to
) -> Shape:
    """Content as a shape. Raises ValidationFailed: `errors` point at each mistake."""
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        errors = [
            FieldError(pointer=pointer(each["loc"]), detail=each["msg"])
            for each in error.errors(include_context=False)
        ]
        detail = "; ".join(f"{each.pointer}: {each.detail}" for each in errors[:5])
        raise ValidationFailed(detail, errors=errors) from None


def check_speakable(value: Any, pointer: str = "") -> None:
    """Raises ValidationFailed for what JSON can say and we cannot keep."""
    for where, reason in _unspeakable(value, pointer, 0):
        raise ValidationFailed.at(where, reason)


def _unspeakable(value: Any, pointer: str, depth: int) -> Iterator[tuple[str, str]]:
    """NUL, lone surrogates, infinity, endless nesting."""
    if depth > MAX_DEPTH:
        yield "", f"more than {MAX_DEPTH} levels deep"
    elif isinstance(value, str):
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            yield pointer, "NUL and lone surrogates are not text"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield pointer, "not a finite number"
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _unspeakable(name, pointer, depth + 1)
            yield from _unspeakable(member, pointer + pointer_to([name]), depth + 1)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _unspeakable(member, f"{pointer}/{index}", depth + 1)

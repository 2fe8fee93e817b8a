"""Validation of input from outside; each error has its JSON pointer (RFC 6901)."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from heliograph.contracts.errors import (
    HeliographError,
    IdempotencyKeyInvalid,
    NotFound,
    ValidationFailed,
)
from heliograph.contracts.json_pointers import pointer_to
from heliograph.contracts.problems import MAX_ERRORS, FieldError, describe

IDEMPOTENCY_KEY = "Idempotency-Key"  #: the header, the only one that is validated

MAX_DEPTH = 64  #: levels of nesting

_MAX_MISTAKES = 1_000
_PLACES = ("query", "path", "header", "body")  #: in the order in which mistakes are reported
_MEMBERS = 64  #: of a list or object, more than the fields of any shape

Shape = TypeVar("Shape", bound=BaseModel)
Path = Iterable[int | str]


def validate_as(
    content: dict[str, Any], shape: type[Shape], pointer: Callable[[Path], str] = pointer_to
) -> Shape:
    """Content as a shape. Raises ValidationFailed: `errors` point at each mistake."""
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        mistakes = _mistakes(content, shape, error)
        raise _failed(mistakes, pointer, count=error.error_count()) from None


def refusal_of(mistakes: Sequence[Mapping[str, Any]]) -> HeliographError:
    """
    Translate FastAPI's validation errors; an error in an earlier part of the request wins.

    Args:
        mistakes: As `RequestValidationError.errors` gives them.
    """
    place = min((each["loc"][0] for each in mistakes), key=_PLACES.index)
    of_place = [each for each in mistakes if each["loc"][0] == place]
    match place:
        case "path":
            return NotFound()  # what is not of the grammar does not exist
        case "header":
            return IdempotencyKeyInvalid()
        case "query":
            return _failed(of_place, lambda path: query_pointer([*path][1:]))
    return _failed(of_place, lambda path: pointer_to([*path][1:]))


def query_pointer(path: Path) -> str:
    """Pointer to a query parameter; `tag.show` is two steps of the model, and one name."""
    return pointer_to(["query", ".".join(str(step) for step in path if step != "[key]")])


def _failed(
    mistakes: Sequence[Mapping[str, Any]], pointer: Callable[[Path], str], count: int = 0
) -> ValidationFailed:
    errors = [FieldError(pointer=pointer(each["loc"]), detail=each["msg"]) for each in mistakes]
    detail = describe(errors)
    if count > _MAX_MISTAKES:
        errors = errors[:MAX_ERRORS]
        detail += f" (the first {len(errors)} of {count} mistakes)"
    return ValidationFailed(detail, errors=errors)


def _mistakes(
    content: dict[str, Any], shape: type[BaseModel], error: ValidationError
) -> list[ErrorDetails]:
    """The mistakes; of very many only the first, as listing all takes long."""
    if error.error_count() > _MAX_MISTAKES:
        try:
            shape.model_validate(_beginning(content))
        except ValidationError as shorter:
            present = [each for each in _listed(shorter) if each["type"] != "missing"]
            if present:
                return present
    return _listed(error)


def _listed(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_context=False, include_input=False, include_url=False)


def _beginning(value: Any) -> Any:
    """The value with only the first members of every list and object."""
    if isinstance(value, dict):
        return {name: _beginning(each) for name, each in islice(value.items(), _MEMBERS)}
    if isinstance(value, list):
        return [_beginning(each) for each in value[:_MEMBERS]]
    return value


def reject_unstorable(value: Any, pointer: str = "") -> None:
    """Raises ValidationFailed for JSON values that cannot be stored."""
    try:
        _walk(value, 0)
    except _Unstorable as error:
        where = "" if error.is_of_all else pointer + pointer_to(reversed(error.path))
        raise ValidationFailed.at(where, str(error)) from None


class _Unstorable(Exception):
    """NUL, a lone surrogate, infinity, endless nesting. Its path grows as the walk is left."""

    def __init__(self, reason: str, *, is_of_all: bool = False) -> None:
        super().__init__(reason)
        self.path: list[int | str] = []  #: from the mistake up
        self.is_of_all = is_of_all


_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_ALWAYS_FINE = frozenset({int, bool, type(None)})


def _walk(value: Any, depth: int) -> None:
    """One pass over all there is; only a mistake costs more than a look at it."""
    if depth > MAX_DEPTH:
        raise _Unstorable(f"more than {MAX_DEPTH} levels deep", is_of_all=True)
    if isinstance(value, str):
        if _NO_TEXT.search(value):
            raise _Unstorable("NUL and lone surrogates are not text")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _Unstorable("not a finite number")
    elif isinstance(value, dict):
        for name in value:
            _walk(name, depth + 1)
        _walk_into(value.items(), depth)
    elif isinstance(value, list):
        _walk_into(enumerate(value), depth)


def _walk_into(members: Iterable[tuple[int | str, Any]], depth: int) -> None:
    is_deep = depth >= MAX_DEPTH
    for step, member in members:
        if is_deep or type(member) not in _ALWAYS_FINE:
            try:
                _walk(member, depth + 1)
            except _Unstorable as error:
                error.path.append(step)
                raise

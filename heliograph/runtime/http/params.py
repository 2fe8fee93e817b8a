"""Path and query parameters, parsed strictly."""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from heliograph.contracts.errors import NotFound, ValidationFailed
from heliograph.contracts.ids import matches
from heliograph.contracts.problems import pointer_to
from heliograph.runtime.http.validation import (
    Path,
    Shape,
    reject_unstorable,
    validate_as,
)


def read_query(request: Request, shape: type[Shape], *, prefixes: tuple[str, ...] = ()) -> Shape:
    """
    The query, checked: nothing unknown, nothing twice. `tag.show=s1` becomes `tag: {"show": "s1"}`
    for each of `prefixes`.

    Raises:
        ValidationFailed: The pointer is `/query/<name>`.
    """
    query: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        reject_unstorable({name: value}, "/query")
        target, key = _place(query, name, prefixes)
        if key in target:
            raise ValidationFailed.at(_pointer(name), "given more than once")
        target[key] = value
    return validate_as(query, shape, lambda path: _pointer(_as_written(path, prefixes)))


def _place(
    query: dict[str, Any], name: str, prefixes: tuple[str, ...]
) -> tuple[dict[str, Any], str]:
    """Where a parameter belongs, and under which key."""
    prefix, _, key = name.partition(".")
    if prefix not in prefixes:
        return query, name
    if not key:
        raise ValidationFailed.at(_pointer(name), f"it is written {prefix}.<name>=<value>")
    return query.setdefault(prefix, {}), key


def _as_written(path: Path, prefixes: tuple[str, ...]) -> str:
    steps = [str(step) for step in path]
    return ".".join(steps[: 2 if steps and steps[0] in prefixes else 1])


def _pointer(name: str) -> str:
    return pointer_to(["query", name])


class NoQuery(BaseModel, extra="forbid"):
    """A resource that takes no query."""


async def no_query(request: Request) -> None:
    """Dependency of routes without a query. Not a plain function: FastAPI runs those in threads."""
    read_query(request, NoQuery)


def path_param(pattern: str) -> Callable[[str], str]:
    """A check for names in paths: what is not of the grammar does not exist."""

    def check_name(name: str) -> str:
        if not matches(pattern, name):
            raise NotFound
        return name

    return check_name

"""Optimistic concurrency: another process wrote first, so read and decide again."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Conflict(Exception):
    """Optimistic concurrency: another process wrote first. Read again, and decide again."""


def retry_on_conflict(
    attempt: Callable[_Arguments, Awaitable[_Result]],
) -> Callable[_Arguments, Coroutine[Any, Any, _Result]]:
    """Repeat a coroutine that reads, and then writes, until no other process wrote in between."""

    @wraps(attempt)
    async def repeated(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        while True:
            with suppress(Conflict):
                return await attempt(*args, **kwargs)

    return repeated

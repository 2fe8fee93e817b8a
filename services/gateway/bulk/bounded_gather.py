"""Bounded concurrency: the jobs of one request a few at a time."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

_CONCURRENCY = 32  #: of one request's items

T = TypeVar("T")


async def gather_bounded(works: Iterable[Awaitable[T]]) -> list[T]:
    """The results in order, once all is over. Raises the first error of those that did not work."""
    permits = asyncio.Semaphore(_CONCURRENCY)

    async def begin(work: Awaitable[T]) -> T:
        async with permits:
            return await work

    outcomes = await asyncio.gather(*(begin(work) for work in works), return_exceptions=True)
    results: list[T] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        results.append(outcome)
    return results

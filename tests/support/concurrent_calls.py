"""Many questions to a provider at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from heliograph.runtime.background import stop
from services.render.providers import Provider, Request
from services.render.providers.request_states import State


@asynccontextmanager
async def concurrent_polls(
    provider: Provider, request: Request, times: int
) -> AsyncIterator[list[asyncio.Task[State]]]:
    """How a request goes, asked so many times, until the block ends."""
    questions = [asyncio.create_task(provider.poll(request)) for _ in range(times)]
    try:
        yield questions
    finally:
        await stop(*questions)

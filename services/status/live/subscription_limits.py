"""Limits and timeouts of a subscription."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from heliograph.contracts.errors import ServiceError
from services.status.live.replay_turns import ReplayTurns

_RETRY_DELAY = 0.25  #: seconds

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SubscriptionLimits:
    """Limits and timeouts of subscriptions; the same for all of a process."""

    replay_limit: int  #: missed events that are sent again; with more, the client starts over
    final_for: timedelta  #: final jobs are in a snapshot for so long
    timeout: float  #: seconds that the read model and the bus have to respond, each time
    #: pages of snapshots, and parts of replays, that are made at once in this process
    turns: ReplayTurns = field(default_factory=lambda: ReplayTurns(4))

    async def retry_until_timeout(self, ask: Callable[[], Awaitable[T]]) -> T:
        """
        The reply to a request, which is sent again until the timeout.

        Raises:
            ServiceError: The error of the last request.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + self.timeout
        while True:
            try:
                return await ask()
            except ServiceError:
                if clock() >= end:
                    raise
            await asyncio.sleep(_RETRY_DELAY)

"""Readiness of writes: each process has one key that it writes every few seconds, acknowledged."""

import asyncio
import os

from ulid import ULID

from heliograph.contracts.errors import QueueFull, Unavailable
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError

_INTERVAL = 3.0  #: seconds between writes
_TIMEOUT = 2.0  #: seconds for one
_KEYS = 64  #: of one service: processes share them when there were more


class WriteCheck:
    """
    Whether the server stores messages: a connected one may not, after its disk was full or became read-only.

    Args:
        service: Whose key it is.
    """

    def __init__(self, jetstream: JetStream, service: str) -> None:
        self._jetstream = jetstream.with_timeout(_TIMEOUT)
        self._subject = f"$KV.leases.ready.{service}.{os.getpid() % _KEYS}"
        self._trouble: str | None = None

    async def run(self) -> None:
        """Write for as long as the process lives."""
        while True:
            self._trouble = await self.write()
            await asyncio.sleep(_INTERVAL)

    async def write(self) -> str | None:
        """Write once. Returns the error, if there was one."""
        try:
            await self._jetstream.publish(self._subject, b"{}", {"ce-id": str(ULID())})
        except (Unavailable, QueueFull, ApiError) as error:
            return str(error)
        return None

    def check(self) -> None:
        """Raises Unavailable: the last write was not acknowledged."""
        if self._trouble:
            raise Unavailable(f"NATS does not store: {self._trouble}")

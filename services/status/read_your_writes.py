"""Read-your-writes: waits until the read model has the events that a caller may know of."""

import asyncio

from heliograph.contracts.errors import Unavailable
from services.status.live.hub import Hub
from services.status.read_model import ReadModel

_LOG_TIMEOUT = 4.0  #: seconds that the read model has to catch up with the log
_POLL_INTERVAL = 0.01  #: seconds between two reads of its cursor


class ReadYourWrites:
    """
    Waits for the read model before it is read.

    Args:
        timeout: Seconds to wait for events that live clients may have received.
    """

    def __init__(self, read_model: ReadModel, hub: Hub, *, timeout: float) -> None:
        self._read_model = read_model
        self._hub = hub
        self._timeout = timeout

    async def wait_for_live(self) -> None:
        """Wait, for a bounded time, until the read model has everything that live clients may have received."""
        await self._reaches(self._hub.head, self._timeout)

    async def wait_for_log(self) -> None:
        """
        Wait until the read model has everything in the log.

        Raises:
            Unavailable: The read model is behind the log, or the log cannot be read.
        """
        if not await self._reaches(await self._hub.missed.last_sequence(), _LOG_TIMEOUT):
            raise Unavailable("the read model is behind the log")

    async def _reaches(self, sequence: int, seconds: float) -> bool:
        """Whether the read model has an event before the time is up."""
        clock = asyncio.get_running_loop().time
        timeout = clock() + seconds
        while await self._read_model.cursor() < sequence:
            if clock() > timeout:
                return False
            await asyncio.sleep(_POLL_INTERVAL)
        return True

"""Rate counters for rate limits: sums that all processes share, per name and window (NATS ADR-49)."""

import json

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError

STREAM = "RATES"
KEPT = 2 * 86_400  #: seconds, more than the longest window


class RateCounters:
    """Counters on one connection."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream

    async def add(self, name: str, window: int, count: int) -> int:
        """
        Add to a counter. Returns its new value.

        Raises:
            Unavailable: The server did not confirm; the count may or may not have been added.
        """
        headers = {"Nats-Incr": f"+{count}"}
        subject = subjects.rate(name, window)
        async with self._jetstream.calling():
            reply = await self._jetstream.connection.request(
                subject, b"", timeout=self._jetstream.timeout / 2, headers=headers
            )
        content = json.loads(reply.data)
        if "error" in content:
            raise Unavailable(f"the counter of a rate refuses: {ApiError(content['error'])}")
        return int(content["val"])

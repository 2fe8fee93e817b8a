"""A server of a cluster that lags behind the leader of a stream."""

import asyncio
import json
from typing import Any, cast

from nats.aio.client import Client

from heliograph.runtime.bus.jetstream import JetStream

_BEYOND = 2**53  #: no stream has such a sequence


class LaggingReplica:
    """A connection whose server has none of the messages that it is asked for, while it lags."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.lags = True
        self.asked = asyncio.Event()  #: while it lags

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def publish(self, subject: str, payload: bytes, **fields: Any) -> None:
        if self.lags and subject.startswith("$JS.API.DIRECT.GET."):
            payload = json.dumps({**json.loads(payload), "seq": _BEYOND}).encode()
            self.asked.set()
        await self._client.publish(subject, payload, **fields)

    def jetstream(self) -> JetStream:
        """The streams as this server has them. Their leader is another one."""
        return JetStream(cast(Client, self), replicas=3)

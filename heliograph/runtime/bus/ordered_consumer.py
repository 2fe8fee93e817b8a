"""
Ordered consumer: every message of a stream from a sequence on, in order, each once, as it is stored.

The server pushes and numbers messages. A client that misses a number, or receives nothing for
longer than heartbeats take, asks anew from the last message it had. nats-py's own ordered consumer was seen
to stop for good, without an error, after many lost connections.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from nats.aio.msg import Msg

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.core_nats import stop_listening
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.jetstream_errors import ApiError, translated

log = structlog.get_logger()

OnMessage = Callable[
    [Msg], Awaitable[None]
]  #: handler of one message; its `metadata` have the position

_SECOND = 10**9  #: in nanoseconds, as the server counts
_HEARTBEAT = 1  #: seconds of silence until the server sends a heartbeat
_IDLE_TIMEOUT = 3.0  #: seconds without a message until a consumer is replaced
_INACTIVE_THRESHOLD = 30  #: seconds until the server drops a consumer without a subscriber
_RETRY_DELAY = 0.2  #: seconds between two consumers
_UNBOUNDED = 2**31 - 1  #: nats-py silently drops messages over its limits


class OrderedConsumer:
    """
    Messages of a stream, one consumer after another.

    Args:
        after: The sequence after which they begin.
        on_message: Called with each, one at a time.
    """

    def __init__(
        self, jetstream: JetStream, stream: str, subject: str, *, after: int, on_message: OnMessage
    ) -> None:
        self.jetstream = jetstream
        self._stream = stream
        self._subject = subject
        self._on_message = on_message
        self.sequence = after  #: of the last message received

    async def run(self) -> None:
        """Follow the stream across outages. Runs until canceled."""
        while True:
            try:
                await _Consumer(self).follow()
            except (Unavailable, ApiError) as error:
                log.warning("Ordered consumer waits", stream=self._stream, reason=str(error))
            await asyncio.sleep(_RETRY_DELAY)

    async def open(self, inbox: str) -> str:
        """Create a push consumer for the following messages. Returns its name."""
        config = {
            "deliver_subject": inbox,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self.sequence + 1,
            "filter_subject": self._subject,
            "ack_policy": "none",
            "max_deliver": 1,
            "flow_control": True,
            "idle_heartbeat": _HEARTBEAT * _SECOND,
            "inactive_threshold": _INACTIVE_THRESHOLD * _SECOND,
            "mem_storage": True,
            "num_replicas": 1,
        }
        request: dict[str, Any] = {"stream_name": self._stream, "config": config}
        created = await self.jetstream.api(f"CONSUMER.CREATE.{self._stream}", request)
        return str(created["name"])

    async def close(self, consumer: str) -> None:
        """Delete a consumer if the server can be reached."""
        await self.jetstream.notify(f"$JS.API.CONSUMER.DELETE.{self._stream}.{consumer}")

    async def take(self, message: Msg) -> None:
        """The next message."""
        await self._on_message(message)
        self.sequence = message.metadata.sequence.stream


class _Consumer:
    """A consumer on the server, used until a message is missing."""

    def __init__(self, consumer: OrderedConsumer) -> None:
        self._consumer = consumer
        self._pushed = 0  #: messages so far, by the server's numbers
        self._lives = asyncio.Event()
        self._is_broken = False

    async def follow(self) -> None:
        """Returns when another one has to go on. Raises Unavailable and ApiError."""
        inbox = self._consumer.jetstream.connection.new_inbox()
        with translated():
            listening = await self._consumer.jetstream.connection.subscribe(
                inbox,
                cb=self._on_message,
                pending_msgs_limit=_UNBOUNDED,
                pending_bytes_limit=_UNBOUNDED,
            )
        try:
            name = await self._consumer.open(inbox)
            await self._until_broken()
            await self._consumer.close(name)
        finally:
            await stop_listening(listening)

    async def _until_broken(self) -> None:
        with suppress(TimeoutError):
            while not self._is_broken:
                self._lives.clear()
                async with asyncio.timeout(_IDLE_TIMEOUT):
                    await self._lives.wait()

    async def _on_message(self, message: Msg) -> None:
        self._lives.set()
        if self._is_broken:
            return
        headers = message.headers or {}
        if headers.get("Status"):
            await self._on_status(message, headers)
        elif message.metadata.sequence.consumer != self._pushed + 1:
            self._is_broken = True
        else:
            self._pushed += 1
            await self._consumer.take(message)

    async def _on_status(self, message: Msg, headers: dict[str, str]) -> None:
        """A heartbeat, or a flow-control request."""
        last = headers.get("Nats-Last-Consumer")
        if last is not None and int(last) != self._pushed:
            self._is_broken = True
        go_on = message.reply or headers.get("Nats-Consumer-Stalled")
        if go_on:
            await self._consumer.jetstream.notify(go_on)

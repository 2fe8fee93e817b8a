"""
Pull consumers: how a service takes messages of durable consumers, on a connection of their own.

FastStream pulls, and is known in this module only: handlers get the message as nats-py has it.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from faststream import AckPolicy, BaseMiddleware
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.nats.security import NatsNKey, NatsSecurity, NatsUserPassword
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.connection import Connection, NatsConnectFailed
from heliograph.runtime.bus.heartbeats import Heartbeats
from heliograph.runtime.bus.jetstream_errors import translated
from heliograph.runtime.server import HTTP_GRACE
from heliograph.runtime.settings import ServiceSettings

#: Acknowledges the message itself, whatever happens.
MessageHandler = Callable[[Msg], Awaitable[None]]

_FETCH = PullSub(batch_size=1, timeout=3)  #: seconds; a fetch that a restart swallowed ends with it


class PullConsumers:
    """
    Consumers of one process. Messages are kept alive while their handlers work on them.

    Args:
        name: Of the service, for its connection.
    """

    def __init__(self, settings: ServiceSettings, name: str) -> None:
        self._connection = Connection(settings, name)
        self._broker = _Broker(
            **self._connection.options,
            security=_security(self._connection),
            apply_types=False,  # handlers take the message as it is: injection costs more than they do
            decoder=_as_it_is,
            middlewares=[_heartbeat(settings.ack_wait)],
            graceful_timeout=settings.shutdown_grace_period - HTTP_GRACE,
            logger=None,
        )
        self._broker.pulling = self._connection

    @property
    def connected_at(self) -> datetime | None:
        """Since when messages come on this connection, by the server's clock; None: they do not."""
        return self._connection.connected_at

    def add(
        self, subject: str, handle: MessageHandler, *, stream: str, durable: str, workers: int
    ) -> None:
        """
        Add a handler of the messages on a subject; it runs once started.

        Args:
            workers: Messages that are handled at once; the consumer's own cap may be lower.
        """

        @self._broker.subscriber(
            subject,
            stream=JStream(stream, declare=False),
            durable=durable,
            pull_sub=_FETCH,
            max_workers=workers,
            inbox_prefix=self._connection.inbox_prefix + b".",  # FastStream's own would be shared
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,  # FastStream answers wherever a header of the message says
        )
        async def on_message(message: NatsMessage) -> None:
            await handle(message.raw_message)

    async def notify(self, subject: str, body: bytes = b"") -> None:
        """
        Publish a notification, at most once, on the connection of acknowledgements: it leaves with the one
        that was sent just before, and never overtakes it.
        """
        if self._broker.client:
            with suppress(Error, ConnectionError):
                await self._broker.client.publish(subject, body)

    async def start(self) -> None:
        """Pull from now on, if there is anything to be pulled. Raises Unavailable: start it again."""
        if self._broker.subscribers:
            await self._broker.start()

    def stop_pulling(self) -> None:
        """Stop pulling; work in progress goes on, with its heartbeats."""
        for subscriber in self._broker.subscribers:
            subscriber.running = False

    async def stop(self) -> None:
        """Finish work in progress within the grace period, then close the connection."""
        self._connection.expect_close()
        await self._broker.stop()


class _Broker(NatsBroker):
    pulling: Connection  #: what it is opened with
    client: Client | None = None  #: once it is connected

    async def start(self) -> None:
        """
        Raises Unavailable: start it again. A subscriber that listens already is not started twice.

        Started twice, a subscriber of FastStream would go on listening and hand nothing on.
        """
        with translated():
            try:
                self.client = await self.connect()
            except NatsConnectFailed as error:
                raise Unavailable(str(error)) from error
            self.pulling.note_connected()
            for subscriber in self.subscribers:
                if subscriber.running:
                    continue
                try:
                    await subscriber.start()
                except Exception:
                    await subscriber.stop()
                    raise
        self.running = True


def _security(connection: Connection) -> NatsSecurity:
    """Credentials and TLS as FastStream takes them."""
    credentials, context = connection.credentials, connection.tls
    is_first = context is not None
    if seed := credentials.get("nkeys_seed"):
        return NatsNKey(seed, ssl_context=context, tls_handshake_first=is_first)
    if credentials:
        user, password = credentials["user"], credentials["password"]
        return NatsUserPassword(user, password, ssl_context=context, tls_handshake_first=is_first)
    return NatsSecurity(ssl_context=context, tls_handshake_first=is_first)


async def _as_it_is(message: NatsMessage) -> NatsMessage:
    return message


def _heartbeat(ack_wait: float) -> type[BaseMiddleware[Any, Any]]:
    """A middleware that extends the delivery every third of `ack_wait`."""

    class Heartbeat(BaseMiddleware[Any, Any]):
        async def consume_scope(self, call_next: Any, msg: Any) -> Any:
            with Heartbeats(msg.raw_message, ack_wait / 3):
                return await call_next(msg)

    return Heartbeat

"""
Pull consumers: how a service takes messages of durable consumers, on a connection of their own.

FastStream has the connection and its subscribers, and is known in this module and in `continuous_pull`
only: handlers get the message as nats-py has it.
"""

import asyncio
from contextlib import suppress
from datetime import datetime

from faststream.nats import NatsBroker
from faststream.nats.broker.registrator import NatsRegistrator
from faststream.nats.security import NatsNKey, NatsSecurity, NatsUserPassword
from nats.aio.client import Client
from nats.errors import Error

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.bus.connection import Connection, NatsConnectFailed
from heliograph.runtime.bus.continuous_pull import ContinuousPull, MessageHandler
from heliograph.runtime.bus.jetstream_errors import translated
from heliograph.runtime.server import HTTP_GRACE
from heliograph.runtime.settings import ServiceSettings


class PullConsumers:
    """
    Consumers of one process. Messages are kept alive while their handlers work on them.

    Args:
        name: Of the service, for its connection.
    """

    def __init__(self, settings: ServiceSettings, name: str) -> None:
        self._connection = Connection(settings, name)
        self._heartbeat = settings.ack_wait / 3
        self._broker = _Broker(
            **self._connection.options,
            security=_security(self._connection),
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
        self._broker.add(
            ContinuousPull(
                self._broker,
                handle,
                subject=subject,
                stream=stream,
                durable=durable,
                workers=workers,
                heartbeat=self._heartbeat,
            )
        )

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
        if self._broker.pulls:
            await self._broker.start()

    async def stop_pulling(self) -> None:
        """Stop pulling; work in progress goes on, with its heartbeats."""
        await asyncio.gather(*(pull.leave() for pull in self._broker.pulls))

    async def stop(self) -> None:
        """Finish work in progress within the grace period, then close the connection."""
        self._connection.expect_close()
        await self._broker.stop()


class _Broker(NatsBroker):
    pulling: Connection  #: what it is opened with
    client: Client | None = None  #: once it is connected

    @property
    def pulls(self) -> list[ContinuousPull]:
        return [each for each in self.subscribers if isinstance(each, ContinuousPull)]

    def add(self, pull: ContinuousPull) -> None:
        """Register a subscriber that FastStream did not make."""
        super(NatsRegistrator, self).subscriber(pull)

    async def start(self) -> None:
        """
        Raises Unavailable: start it again. A subscriber that listens already is not started twice.

        Started twice, a subscriber would request messages twice.
        """
        with translated():
            try:
                self.client = await self.connect()
            except NatsConnectFailed as error:
                raise Unavailable(str(error)) from error
            self.pulling.note_connected()
            for subscriber in self.pulls:
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

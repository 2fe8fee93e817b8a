"""Pull broker: the FastStream broker that a service pulls its work with."""

from faststream.nats import NatsBroker, NatsMessage

from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.delivery import heartbeat
from heliograph.runtime.bus.jetstream import translated
from heliograph.runtime.server import HTTP_GRACE
from heliograph.runtime.settings import ServiceSettings


class _Broker(NatsBroker):
    async def start(self) -> None:
        """
        Raises Unavailable: whoever starts it tries again, and who listens already is left alone.

        Started twice, a subscriber of FastStream would go on listening and hand nothing on.
        """
        with translated():
            await self.connect()
            for subscriber in self.subscribers:
                if subscriber.running:
                    continue
                try:
                    await subscriber.start()
                except Exception:
                    await subscriber.stop()
                    raise
        self.running = True


async def _as_it_is(message: NatsMessage) -> NatsMessage:
    return message


def create_broker(settings: ServiceSettings, connection: Connection) -> NatsBroker:
    """A broker that keeps messages alive while they are worked on, and stops within the drain."""
    return _Broker(
        **connection.options,
        apply_types=False,  # handlers take the message as it is: injection costs more than they do
        decoder=_as_it_is,
        middlewares=[heartbeat(settings.ack_wait)],
        graceful_timeout=settings.shutdown_grace_period - HTTP_GRACE,
        logger=None,
    )


def stop_pulling(broker: NatsBroker) -> None:
    """Take no more work; what is in hand goes on, and the server goes on to be told so."""
    for subscriber in broker.subscribers:
        subscriber.running = False

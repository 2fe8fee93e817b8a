"""The FastStream broker that a service pulls its work with, on a connection of its own."""

from faststream.nats import NatsBroker

from heliograph.runtime.connection import Connection
from heliograph.runtime.delivery import heartbeat
from heliograph.runtime.serving import HTTP_GRACE
from heliograph.runtime.settings import ServiceSettings


def create_broker(settings: ServiceSettings, connection: Connection) -> NatsBroker:
    """A broker that keeps messages alive while they are worked on, and stops within the drain."""
    return NatsBroker(
        **connection.options,
        middlewares=[heartbeat(settings.ack_wait)],
        graceful_timeout=settings.drain - HTTP_GRACE,
        logger=None,
    )

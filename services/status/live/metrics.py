"""Prometheus metrics of live clients."""

from prometheus_client import Counter, Gauge

from services.status.live.client_limits import ClientLimits

#: received by this process from the event log, and handed to the clients it is for
EVENTS = Counter("heliograph_live_events", "Events received from the event log")
#: they come back, and resume where they were
SLOW_CLIENTS = Counter(
    "heliograph_live_slow_clients", "WebSockets closed because the client was too slow"
)
_CONNECTIONS = Gauge("heliograph_live_connections", "Live clients", ["protocol"])


def export_connections(limits: ClientLimits) -> None:
    """Export the number of clients, counted at each scrape."""
    _CONNECTIONS.labels("websocket").set_function(lambda: limits.connections.count)
    _CONNECTIONS.labels("sse").set_function(lambda: limits.streams.count)

"""Connection limits: caps on connections, streams and subscriptions per process and project."""

from dataclasses import dataclass

from services.status.live.client_caps import ClientCaps


@dataclass(frozen=True)
class ClientLimits:
    """Caps on live clients of this process."""

    connections: ClientCaps
    streams: ClientCaps
    subscriptions: ClientCaps  #: by project

    @classmethod
    def of(cls, *, connections: int, streams: int, subscriptions: int) -> "ClientLimits":
        return cls(
            ClientCaps(connections, "live connections"),
            ClientCaps(streams, "event streams"),
            ClientCaps(subscriptions, "subscriptions of this project"),
        )

"""Check of the NATS server: its version, and that it writes to disk before it acknowledges."""

import re

import structlog
from nats.aio.client import Client

from heliograph.runtime.bus.nats_monitor import read_configuration
from heliograph.runtime.settings import ServiceSettings

log = structlog.get_logger()

OLDEST_SERVER = (2, 14, 5)  #: the first with every fix the threat model asks for


class UnsupportedServer(Exception):
    """The NATS server does not meet the requirements; the message has the required change."""


def check_version(connection: Client) -> None:
    """Refuse servers that are too old."""
    version = str(connection.connected_server_version)
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:3])
    if numbers < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise UnsupportedServer(f"nats-server {version} is too old: {oldest} or later is needed")


async def check_server(connection: Client, settings: ServiceSettings) -> None:
    """Refuse servers that are too old, or that do not write before they acknowledge."""
    check_version(connection)
    configuration = await read_configuration(settings)
    if configuration is None:
        log.warning("HELIOGRAPH_NATS_MONITOR_URL is not set: sync_interval was not checked")
    elif not configuration.sync_always:
        raise UnsupportedServer(
            "set `jetstream { sync_interval: always }`: acknowledged must mean durable"
        )

"""Certificate of the NATS server: its expiry as a metric for alerts."""

import asyncio
import math
import ssl
from contextlib import suppress

from prometheus_client import Gauge

from heliograph.runtime.settings import ServiceSettings

_INTERVAL = 3600.0  #: seconds between looks: the server may have got another certificate
_TIMEOUT = 5.0  #: seconds for one

_EXPIRY = Gauge(
    "heliograph_nats_certificate_expiry_timestamp_seconds",
    "Expiry of the NATS certificate, in Unix time; +Inf without TLS",
)
_EXPIRY.set(math.inf)


async def watch_certificate(settings: ServiceSettings) -> None:
    """Export the expiry now and every hour: open connections do not show a newer certificate."""
    while True:
        for host, port in settings.nats_places:
            with suppress(OSError, TimeoutError):  # the connection of the bus says what is wrong
                _EXPIRY.set(await certificate_expiry(host, port, settings.nats_tls))
                break
        await asyncio.sleep(_INTERVAL)


async def certificate_expiry(host: str, port: int, context: ssl.SSLContext | None) -> float:
    """
    When the certificate of a server expires, in Unix time.

    Raises:
        OSError, TimeoutError: The server does not respond, or its certificate is not trusted.
    """
    async with asyncio.timeout(_TIMEOUT):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        return float(ssl.cert_time_to_seconds(writer.get_extra_info("peercert")["notAfter"]))
    finally:
        writer.close()

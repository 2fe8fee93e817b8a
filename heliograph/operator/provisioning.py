"""Provisioning: streams, buckets and consumers of a deployment, and the bucket of its store."""

import asyncio

import structlog

from heliograph.client_errors import ClientError
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.permissions import PROVISION
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.settings import ServiceSettings

log = structlog.get_logger()

_STORE_INTERVAL = 1.0  #: seconds between looks at a store that does not answer


class NotProvisioned(ClientError):
    """NATS or the store did not respond in time, or NATS refused its user for so long."""


async def provision(settings: ServiceSettings, *, timeout: float | None = None) -> str:
    """
    Make and change the streams, buckets and consumers of a deployment, and the bucket of a store that the
    settings name. Returns the epoch of its events. Ends the process where the server cannot keep our promises.

    Args:
        timeout: Seconds to wait for the servers; null: as long as it takes.

    Raises:
        NotProvisioned: They did not respond in time; start them and repeat.
    """
    every = settings.model_copy(update={"provision": True})
    bus = NatsBus(every, CurrentCatalog(load_catalog(settings)), PROVISION)
    server = f"NATS at {', '.join(settings.nats_hosts)}"
    try:
        async with asyncio.timeout(timeout):
            await bus.open()
            if settings.s3_endpoint and settings.s3_access_key:
                server = f"the store at {settings.s3_endpoint}"
                await _make_bucket(settings)
            return bus.epoch
    except TimeoutError as error:
        reason = f"still waiting for {server} after {timeout:g} seconds"
        raise NotProvisioned(f"Not provisioned: {reason}") from error
    finally:
        await bus.close()


async def _make_bucket(settings: ServiceSettings) -> None:
    """Waits as long as it takes for the store. Storage makes it as well, where it may."""
    from heliograph.runtime.s3_bucket import ensure_bucket  # needs those of storage

    while True:
        try:
            return await asyncio.to_thread(ensure_bucket, settings)
        except ClientError as error:
            log.warning("Object store not ready", reason=str(error))
            await asyncio.sleep(_STORE_INTERVAL)

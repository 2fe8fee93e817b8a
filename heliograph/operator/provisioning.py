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


async def provision(settings: ServiceSettings) -> str:
    """
    Make and change the streams, buckets and consumers of a deployment, and the bucket of a store that the
    settings name. Returns the epoch of its events.

    Waits as long as it takes for the server; ends the process where that cannot keep our promises.
    """
    every = settings.model_copy(update={"provision": True})
    bus = NatsBus(every, CurrentCatalog(load_catalog(settings)), PROVISION)
    try:
        await bus.open()
        if settings.s3_endpoint and settings.s3_access_key:
            await _make_bucket(settings)
        return bus.epoch
    finally:
        await bus.close()


async def _make_bucket(settings: ServiceSettings) -> None:
    """Waits as long as it takes for the store. Storage makes it as well, where it may."""
    from heliograph.runtime.s3_bucket import ensure_bucket  # needs those of storage

    while True:
        try:
            return await asyncio.to_thread(ensure_bucket, settings)
        except ClientError as error:
            log.warning("The store is not ready", reason=str(error))
            await asyncio.sleep(_STORE_INTERVAL)

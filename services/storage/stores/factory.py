"""Store factory: an outside store with its keys, or the bundled one."""

import asyncio

import structlog

from services.storage.settings import StorageSettings
from services.storage.stores import ObjectStore, StoreUnavailable
from services.storage.stores.minio import MinioStore

log = structlog.get_logger()

_RETRY_DELAY = 0.2  #: seconds


def create_store(settings: StorageSettings) -> ObjectStore:
    """The store of the settings."""
    return MinioStore(
        settings.s3_internal,
        *settings.s3_login,
        settings.s3_bucket,
        region=settings.s3_region,
        public_endpoint=settings.s3_public_endpoint or settings.s3,
    )


async def open_store(store: ObjectStore) -> None:
    """Wait until the store has its bucket."""
    while True:
        try:
            return await store.open()
        except StoreUnavailable as error:
            log.warning("Object store not ready", reason=str(error))
        await asyncio.sleep(_RETRY_DELAY)

"""Builds the uploads: the store of uploads, the receiver of new ones, and retention."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import APIRouter

from heliograph.runtime.background import BackgroundTask
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.service import Service
from services.storage.disk_reserve import DiskReserve
from services.storage.media.images import ImageWorkers
from services.storage.settings import StorageSettings
from services.storage.stores import ObjectStore
from services.storage.uploads.quota import UploadQuota
from services.storage.uploads.receiver import UploadReceiver
from services.storage.uploads.retention import UploadSweeper, find_named, sweep_forever
from services.storage.uploads.routes import upload_routes
from services.storage.uploads.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class UploadParts:
    """Parts for uploads."""

    uploads: Uploads
    routes: APIRouter
    watch: BackgroundTask  #: keeps what is known of uploads up to date
    retention: BackgroundTask


def build_uploads(
    service: Service[StorageSettings], store: ObjectStore, images: ImageWorkers, folder: Path
) -> UploadParts:
    """Wire the uploads of a storage process. Bodies on their way lie in `folder`."""
    bus, settings = service.bus, service.settings
    known = KvCache(bus.jetstream, "uploads")
    uploads = Uploads(known.bucket, store, images, settings)
    receiver = UploadReceiver(
        uploads, UploadQuota(known, settings), create_reserve(folder, settings), folder, settings
    )
    named = partial(find_named, bus.request)
    sweeper = UploadSweeper(known.bucket, store, named, keep=settings.upload_retention_days)
    return UploadParts(
        uploads=uploads,
        routes=upload_routes(receiver),
        watch=known.watch,
        retention=partial(sweep_forever, bus, sweeper, every=settings.upload_sweep_interval),
    )


def create_reserve(folder: Path, settings: StorageSettings) -> DiskReserve:
    """The space that uploads leave free. The bundled store lies on the same disk as `folder`."""
    copies = 1 if settings.s3_endpoint else 2
    return DiskReserve(folder, keep_free=settings.upload_reserve, copies=copies)

"""The storage service's application: rendered jobs and uploads in, stored assets out."""

from functools import partial

from fastapi import FastAPI

from heliograph.runtime.service import Service
from services.storage.assets import asset_routes, serve_queries
from services.storage.deletion import serve_deletions
from services.storage.media.images import ImageWorkers
from services.storage.outputs.build import build_outputs
from services.storage.outputs.store_consumer import consume_stores
from services.storage.settings import StorageSettings
from services.storage.stores.factory import create_store, open_store
from services.storage.temp_dir import claim_temp_dir
from services.storage.uploads.build import build_uploads


def create_app(settings: StorageSettings) -> FastAPI:
    """Assemble the service from its settings."""
    service = Service("storage", settings)
    bus, life = service.bus, settings.presigned_url_ttl
    store = create_store(settings)
    images = ImageWorkers(max_pixels=settings.image_max_pixels)
    folder = claim_temp_dir(settings.folder.folder("tmp"))
    uploads = build_uploads(service, store, images, folder)
    outputs = build_outputs(service, store, images, uploads.uploads, folder)

    consume_stores(service, outputs.ingest)
    service.on_open(
        partial(serve_queries, bus, store, uploads.uploads, life=life),
        partial(serve_deletions, bus, store),
        partial(open_store, store),
        outputs.dispatcher.listen,
    )
    service.run(dispatcher=outputs.dispatcher.run)
    service.run(uploads=uploads.watch, retention=uploads.retention)
    service.before_close(outputs.dispatcher.leave)
    service.close_last(images, outputs.downloader, store)
    return service.web(
        "Heliograph storage",
        [uploads.routes, outputs.routes, asset_routes(bus.events, store, life=life)],
        checks={"s3": store.check},
    )

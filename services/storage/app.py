"""The storage service's application: rendered jobs and uploads in, stored assets out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage

from heliograph.contracts import subjects
from heliograph.contracts.records import Record
from heliograph.runtime.background import run_in_background
from heliograph.runtime.bus import Notify
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.delivery import Delivery, FailureCounter, deliver
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.provisioning import STORAGE
from heliograph.runtime.bus.pull_consumers import create_broker
from heliograph.runtime.bus.work_queue import STREAM, WAITED
from heliograph.runtime.catalog import load_catalog
from heliograph.runtime.catalog.reload import watch_files
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.health import add_health
from services.storage.assets import asset_routes, serve_queries
from services.storage.deletion import ObjectDeleter, serve_deletions
from services.storage.disk_reserve import DiskReserve
from services.storage.media.images import ImageWorkers
from services.storage.outputs.dispatcher import StoreDispatcher
from services.storage.outputs.download import OutputDownloader
from services.storage.outputs.fresh_outputs import renew_outputs
from services.storage.outputs.inline_results import InlineResults, inline_routes
from services.storage.outputs.job_ingest import JobIngest
from services.storage.outputs.sources import Sources
from services.storage.settings import StorageSettings
from services.storage.stores import ObjectStore, StoreUnavailable
from services.storage.stores.minio import MinioStore
from services.storage.temp_dir import claim_temp_dir
from services.storage.uploads.quota import UploadQuota
from services.storage.uploads.retention import UploadSweeper, find_named, sweep_forever
from services.storage.uploads.uploads import UploadReceiver, Uploads, upload_routes

log = structlog.get_logger()


def create_app(settings: StorageSettings) -> FastAPI:
    """Assemble the service from its settings."""
    catalog = load_catalog(settings)
    bus = NatsBus(settings, catalog, "storage")
    store = create_store(settings)
    image_workers = ImageWorkers(max_pixels=settings.image_max_pixels)
    known_uploads = KvCache(bus.jetstream, "uploads")
    uploads = Uploads(known_uploads.bucket, store, image_workers, settings)
    inline_results = InlineResults(bus.events, store)
    hosts = [urlsplit(settings.render_url).netloc, *settings.hosts_of_results]
    hosts += settings.provider_hosts
    downloader = OutputDownloader(hosts, deadline=settings.download_deadline)
    sources = Sources(downloader, uploads, inline_results, deadline=settings.download_deadline)
    folder = claim_temp_dir(settings.folder.folder("tmp"))
    ingest = JobIngest(
        bus.events,
        bus.work,
        bus.jetstream.notify,
        store,
        sources,
        partial(renew_outputs, bus.jetstream),
        image_workers,
        folder,
        catalog,
        settings,
        bus.level.allows,
    )
    dispatcher = StoreDispatcher(bus, places=settings.storage_concurrency)
    pulling = Connection(settings, "storage")
    broker = create_broker(settings, pulling)
    subscribe(broker, ingest, bus.jetstream.notify, settings)
    life = settings.presigned_url_ttl

    async def open_bus() -> None:
        await bus.open()
        await serve_queries(bus.client, store, uploads, bus.jetstream.dead_letters, life=life)
        await serve_deletions(
            bus.client, ObjectDeleter(bus.events, store), bus.jetstream.dead_letters
        )
        await open_store(store)
        await dispatcher.answer()
        await broker.start()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        catalog_files = partial(watch_files, settings, catalog, partial(load_catalog, settings))
        async with run_in_background(
            bus=open_bus,
            writes=bus.watch_writes,
            catalog=catalog_files,
            uploads=partial(watch, bus, known_uploads),
            dispatcher=dispatcher.run,
            retention=partial(sweep_uploads, bus, store, settings),
        ):
            yield
        pulling.expect_close()
        await broker.stop()
        await dispatcher.leave()
        await bus.close()
        await image_workers.aclose()
        await downloader.aclose()
        await store.aclose()

    app = create_web(settings, "Heliograph storage", lifespan=lifespan)
    quota = UploadQuota(known_uploads, settings)
    door = UploadReceiver(uploads, quota, create_reserve(folder, settings), folder, settings)
    app.include_router(upload_routes(door))
    app.include_router(inline_routes(inline_results, folder, settings))
    app.include_router(asset_routes(bus.events, store, life=life))
    add_health(app, {"nats": bus.check, "s3": store.check}, warnings=bus.warnings)
    return app


def create_store(settings: StorageSettings) -> MinioStore:
    """The store of the settings: an outside one with its keys, or the bundled one."""
    access_key, secret_key = settings.s3_access_key, settings.s3_secret_key
    if access_key is None or secret_key is None:
        access_key, secret_key = settings.folder.s3_credentials()
    return MinioStore(
        settings.s3_internal,
        access_key,
        secret_key,
        settings.s3_bucket,
        region=settings.s3_region,
        public_endpoint=settings.s3_public_endpoint or settings.s3,
    )


def create_reserve(folder: Path, settings: StorageSettings) -> DiskReserve:
    """The space that uploads leave free. The bundled store lies on the same disk as `folder`."""
    copies = 1 if settings.s3_endpoint else 2
    return DiskReserve(folder, keep_free=settings.upload_reserve, copies=copies)


async def watch(bus: NatsBus, cache: KvCache) -> None:
    """Keep a mirror up to date, once the bus is open."""
    await bus.opened.wait()
    await cache.watch()


async def sweep_uploads(bus: NatsBus, store: ObjectStore, settings: StorageSettings) -> None:
    """Remove uploads that nothing names, again and again."""
    bucket = KeyValue(bus.jetstream, "uploads")
    named = partial(find_named, bus.jetstream)
    sweeper = UploadSweeper(bucket, store, named, keep=settings.upload_retention_days)
    await sweep_forever(bus, sweeper, every=settings.upload_sweep_interval)


async def open_store(store: MinioStore) -> None:
    """Wait until the store has its bucket."""
    while True:
        try:
            return await store.open()
        except StoreUnavailable as error:
            log.warning("Object store not ready", reason=str(error))
        await asyncio.sleep(0.2)


def subscribe(
    broker: NatsBroker, ingest: JobIngest, hint: Notify, settings: StorageSettings
) -> None:
    """What comes in on `store.>` is a job whose outputs wait at the provider."""
    failures = FailureCounter()

    @broker.subscriber(
        subjects.STORE,
        stream=JStream(STREAM, declare=False),
        durable=STORAGE,
        pull_sub=PullSub(batch_size=1, timeout=3),
        max_workers=settings.storage_concurrency,
        ack_policy=AckPolicy.MANUAL,
    )
    async def on_store(message: NatsMessage) -> None:
        await deliver(message, handle, give_up, failures)
        project = subjects.parse(message.raw_message.subject).project
        await hint(subjects.lane_capacity(subjects.STORE_LANE), project.encode())

    async def handle(delivery: Delivery) -> Record | None:
        waited = float(delivery.headers.get(WAITED, 0))
        record = await ingest.handle(delivery.about.job, waited)
        crash_point("store.handled")
        return record

    async def give_up(delivery: Delivery, error: Exception) -> None:
        await ingest.dead_letter(delivery.about.job, error)

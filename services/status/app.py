"""The status service's application: events in, live streams and query replies out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.live_frames import Subscribe
from heliograph.runtime.background import BackgroundTask, run_in_background
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.catalog import load_catalog
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.health import Standstill, add_health
from heliograph.runtime.job_view import JobPresenter
from heliograph.runtime.presigned_urls import PresignedUrlCache
from services.status.live.client_limits import ClientLimits
from services.status.live.hub import Hub
from services.status.live.send_queue import SendQueue, SendQueueMemory
from services.status.live.sse import sse_routes
from services.status.live.subscription import Subscription, Terms
from services.status.live.websocket import live_routes
from services.status.maintenance.compaction import LogCompaction, compact_forever
from services.status.maintenance.retention import (
    RetentionJob,
    apply_forever,
    read_retentions,
    remove_objects,
)
from services.status.maintenance.sweeper import Sweeper, sweep_forever
from services.status.projector import Projector
from services.status.queries import serve_queries
from services.status.read_model.sql import SqlReadModel
from services.status.settings import StatusSettings
from services.status.slots import SlotReadModel


def create_app(settings: StatusSettings) -> FastAPI:
    """Assemble the service from its settings."""
    catalog = load_catalog(settings)
    bus = NatsBus(settings, catalog, "status")
    presenter = JobPresenter(
        settings, PresignedUrlCache(bus.jetstream, timeout=settings.presign_timeout)
    )
    hub = Hub(bus, presenter, buffer_bytes=settings.event_buffer_bytes)
    read_model = SqlReadModel(settings.database)
    versions = SlotReadModel(read_model, bus.slots, hub, timeout=settings.read_your_writes_timeout)
    retention = RetentionJob(
        bus.events,
        bus.slots,
        read_model,
        partial(read_retentions, KeyValue(bus.jetstream, "projects")),
        versions.wait_for_log,
        partial(remove_objects, bus.jetstream),
        settings,
    )
    purges = Purges(bus.jetstream)
    compaction = LogCompaction(bus.events, bus.jetstream, read_model, purges, settings)
    sweeper = Sweeper(
        bus.events, bus.work, bus.accounts, bus.jetstream.notify, read_model, catalog, settings
    )

    terms = Terms(
        replay_limit=settings.replay_limit,
        final_for=settings.snapshot_keeps_finished_for,
        timeout=settings.live_subscribe_timeout,
        turns=asyncio.Semaphore(settings.snapshots_at_once),
    )
    memory = SendQueueMemory(settings.send_queue_bytes)
    admission = ClientLimits.of(
        connections=settings.max_live,
        streams=settings.max_streams,
        subscriptions=settings.max_subscriptions,
    )

    def subscribe(request: Subscribe, send_queue: SendQueue) -> Subscription:
        return Subscription(request, hub, read_model, presenter, send_queue, terms)

    prepared = asyncio.Event()

    async def open_bus() -> None:
        await bus.open()
        await read_model.prepare()
        await serve_queries(bus.client, read_model, hub, versions, retention)
        prepared.set()

    def once_prepared(loop: BackgroundTask) -> BackgroundTask:
        async def wait_and_run() -> None:
            await prepared.wait()
            await loop()

        return wait_and_run

    async def check_hub() -> None:
        if not (hub.opened.is_set() and prepared.is_set()):
            raise Unavailable("not listening yet")

    heard = Standstill(hub.cursor, hub.last_sequence)
    projected = Standstill(read_model.cursor, hub.last_sequence)

    async def check_readers() -> None:
        await check_hub()
        await heard()
        await projected()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with run_in_background(
            bus=open_bus,
            writes=bus.watch_writes,
            hub=hub.run,
            projector=once_prepared(Projector(bus, hub, read_model).run),
            sweeper=once_prepared(
                partial(sweep_forever, bus, sweeper, every=settings.sweep_interval)
            ),
            compaction=once_prepared(partial(compact_forever, bus, compaction, settings)),
            retention=once_prepared(partial(apply_forever, bus, retention, settings)),
        ):
            yield
        await bus.close()
        await read_model.aclose()

    app = create_web(settings, "Heliograph status", lifespan=lifespan)
    app.include_router(live_routes(subscribe, admission, memory))
    app.include_router(sse_routes(subscribe, admission, memory))
    add_health(
        app,
        {
            "nats": bus.check,
            "hub": check_hub,
            "database": read_model.check,
            "readers": check_readers,
        },
        warnings=bus.warnings,
    )
    return app

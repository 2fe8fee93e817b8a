"""The render service's application: run messages in, submissions and rendered jobs out."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.annotations import NatsMessage

from heliograph.contracts import subjects
from heliograph.contracts.catalog import Catalog
from heliograph.contracts.queries.scheduler import LaneCapacityHint
from heliograph.contracts.records import Record, Step
from heliograph.runtime.background import BackgroundTask, run_in_background
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.delivery import Delivery, FailureCounter, deliver
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.lanes import lane_consumer
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.pull_consumers import create_broker, stop_pulling
from heliograph.runtime.bus.work_queue import STREAM
from heliograph.runtime.catalog import load_catalog
from heliograph.runtime.catalog.reload import watch_files
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.health import add_health
from heliograph.runtime.presigned_urls import PresignedUrlCache
from services.render.metrics import export_account_metrics
from services.render.providers import FileHost
from services.render.providers.factory import create_providers, unusable_among
from services.render.providers.output_upload import OutputUploader
from services.render.providers.sim import SimProvider
from services.render.providers.sim.result_server import sim_routes
from services.render.references.resolver import ReferenceResolver
from services.render.references.upload_cache import BUCKET, ReferenceUploadCache
from services.render.scheduler.dispatcher import Dispatcher
from services.render.settings import RenderSettings
from services.render.worker.answer_spool import DiskSpool
from services.render.worker.context import Worker
from services.render.worker.fresh_outputs import serve_renewals
from services.render.worker.inline_answers import recover_forever
from services.render.worker.lookup import serve_lookups
from services.render.worker.progress import ProgressPublisher
from services.render.worker.request_index import StatusRequestIndex
from services.render.worker.run import dead_letter, run_job
from services.render.worker.wakeups import WakeUps
from services.render.worker.webhooks import webhook_routes

#: Workers of a lane in one process. The lane's cap on the server is what bounds them; a process with
#: fewer workers than it was given messages would let some lie until they go to somebody else.
_WORKERS = 10_000
_FETCH = PullSub(batch_size=1, timeout=3)  #: seconds; a fetch that a restart swallowed ends with it


def create_app(settings: RenderSettings) -> FastAPI:
    """Assemble the service from its settings."""
    catalog = load_catalog(settings)
    bus = NatsBus(settings, catalog, "render")
    sim = SimProvider(settings.folder.path, settings.render_url)
    hosted = create_providers(settings, catalog)
    door = OutputUploader(settings.storage_door)
    wakeups = WakeUps()
    upload_cache = ReferenceUploadCache(
        KeyValue(bus.jetstream, BUCKET),
        {name: each for name, each in hosted.items() if isinstance(each, FileHost)},
        most=settings.reference_copies,
        claim=settings.reference_upload_lease,
        hosts=settings.reference_hosts,
    )
    addresses = PresignedUrlCache(bus.jetstream, timeout=settings.presign_timeout)
    worker = Worker(
        events=bus.events,
        work=bus.work,
        accounts=bus.accounts,
        lanes=bus.lanes,
        providers={"sim": sim, **hosted},
        requests=StatusRequestIndex(bus.jetstream),
        spool=DiskSpool(settings.folder.folder("spool"), max_bytes=settings.spool_max_bytes),
        output_uploader=door,
        references=ReferenceResolver(bus.events, bus.jetstream, addresses, upload_cache),
        catalog=catalog,
        reporter=ProgressPublisher(bus.jetstream.notify, every=settings.progress_interval),
        wakeups=wakeups,
        settings=settings,
    )
    pulling = Connection(settings, "render")
    broker = create_broker(settings, pulling)
    subscribe_lanes(broker, worker, bus, catalog)

    async def open_bus() -> None:
        await bus.open()
        await wakeups.listen(bus.client)
        await broker.start()
        await serve_lookups(bus.client, worker, bus.jetstream.dead_letters)
        await serve_renewals(bus.client, worker)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loops: dict[str, BackgroundTask] = {"bus": open_bus, "copies": upload_cache.watch}
        loops |= {"lanes": bus.lanes.watch, "accounts": bus.accounts.watch}
        loops["writes"] = bus.watch_writes
        loops["sim_records"] = partial(sim.remove_old_records, settings.sim_record_retention)
        loops["meter"] = partial(export_account_metrics, bus.accounts)
        loops["catalog"] = partial(watch_files, settings, catalog, partial(load_catalog, settings))
        loops["answers"] = partial(recover_forever, worker)
        if settings.dispatch:
            loops["dispatcher"] = Dispatcher(bus, catalog, settings).run
        async with run_in_background(**loops):
            yield
        wakeups.drain()
        stop_pulling(broker)
        await worker.posts.wait()
        pulling.expect_close()
        await broker.stop()
        await bus.close()
        for provider in hosted.values():
            await provider.aclose()
        await door.aclose()

    app = create_web(settings, "Heliograph render", lifespan=lifespan)
    app.include_router(sim_routes(sim))
    if settings.render_public_url:
        app.include_router(webhook_routes(worker, bus.jetstream.notify))
    unusable = unusable_among(hosted)
    add_health(
        app,
        {"nats": bus.check},
        unusable=unusable,
        warnings=bus.warnings,
        ends_within=lambda: (
            settings.shutdown_grace_period + catalog.without(unusable).longest_answer
        ),
    )
    return app


def subscribe_lanes(broker: NatsBroker, worker: Worker, bus: NatsBus, catalog: Catalog) -> None:
    """One pull subscriber per lane: what comes in on `run.<lane>.>` is a job whose turn it is."""
    failures = FailureCounter()
    for lane in catalog.lanes:

        @broker.subscriber(
            subjects.runs(lane),
            stream=JStream(STREAM, declare=False),
            durable=lane_consumer(lane),
            pull_sub=_FETCH,
            max_workers=_WORKERS,
            ack_policy=AckPolicy.MANUAL,
        )
        async def on_run(message: NatsMessage) -> None:
            began = time.monotonic()
            record = await deliver(message, handle, give_up, failures)
            room = room_after(record, time.monotonic() - began)
            lane = subjects.lane_of_run(message.raw_message.subject)
            await bus.jetstream.notify(
                subjects.lane_capacity(lane), room.model_dump_json().encode()
            )

    def room_after(record: Record | None, seconds: float) -> LaneCapacityHint:
        if record is None or record.status == "queued":  # it may have been moved again by now
            return LaneCapacityHint()
        if record.step is not Step.RENDERED:
            return LaneCapacityHint(job=record.id)
        return LaneCapacityHint(job=record.id, kind=record.kind, seconds=seconds)

    async def handle(delivery: Delivery) -> Record | None:
        record = await run_job(worker, delivery.about.job, delivery.sequence)
        crash_point("render.handled")
        return record

    async def give_up(delivery: Delivery, error: Exception) -> None:
        await dead_letter(worker, delivery.about.job, error)

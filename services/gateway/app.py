"""The gateway's application: HTTP and bus requests in, accepted jobs out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from heliograph.contracts.catalog import Catalog
from heliograph.runtime.background import BackgroundTask, run_in_background
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.pull_consumers import create_broker
from heliograph.runtime.catalog import load_catalog
from heliograph.runtime.catalog.reload import watch_files
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.health import add_health
from heliograph.runtime.job_view import JobPresenter
from heliograph.runtime.presigned_urls import PresignedUrlCache
from services.gateway.bulk.action_routes import action_routes
from services.gateway.bulk.actions import BulkActions
from services.gateway.bulk.admission import BatchAdmission
from services.gateway.bulk.batches import BatchService
from services.gateway.bulk.cast import CastReferences
from services.gateway.bulk.cast_routes import cast_routes
from services.gateway.bulk.plans import PlanStore
from services.gateway.bulk.previews import BulkPreview
from services.gateway.bulk.routes import batch_routes
from services.gateway.bus_requests import RequestConsumer, subscribe
from services.gateway.catalog import catalog_routes, index_routes, problem_pages
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.jobs.cancel_routes import cancel_routes
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.enrichment import RecordBuilder
from services.gateway.jobs.references import ReferenceValidator
from services.gateway.jobs.result_cache import ResultCache
from services.gateway.jobs.routes import job_routes
from services.gateway.jobs.service import JobService
from services.gateway.jobs.view_routes import view_routes
from services.gateway.jobs.views import JobViews
from services.gateway.limits.lanes_accounts import LimitAdmin
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.limits.quota import QueueQuota
from services.gateway.limits.routes import limit_routes
from services.gateway.projects.cleanup import CleanupRequests
from services.gateway.projects.cleanup_routes import cleanup_routes
from services.gateway.projects.routes import project_routes
from services.gateway.projects.settings_store import ProjectSettings
from services.gateway.settings import GatewaySettings
from services.gateway.slots.routes import slot_routes
from services.gateway.slots.versions import SlotService


def create_app(settings: GatewaySettings) -> FastAPI:
    """Assemble the service from its settings."""

    def load() -> Catalog:
        return load_catalog(settings).without(settings.unusable_providers)

    catalog = load()
    bus = NatsBus(settings, catalog, "gateway")
    presenter = JobPresenter(
        settings, PresignedUrlCache(bus.jetstream, timeout=settings.presign_timeout)
    )
    views = JobViews(bus.events, bus.jetstream, presenter)
    limits = LimitAdmin(bus.jetstream, catalog, bus.lanes, bus.accounts)
    log_capacity = EventLogCapacity(bus.jetstream, high_watermark=settings.event_log_high_watermark)
    quota = QueueQuota(
        limits, limit=settings.max_queued, project_limit=settings.max_queued_per_project
    )
    cancellation = JobCancellation(bus.events, bus.work, bus.jetstream.notify)
    versions = SlotService(bus.slots, bus.jetstream, presenter)
    acceptance = JobAcceptance(
        bus.events, bus.work, bus.slots, claim_timeout=settings.slot_claim_timeout
    )
    projects = ProjectSettings(bus.jetstream, catalog)
    builder = RecordBuilder(
        catalog,
        bus.events,
        projects,
        versions,
        ReferenceValidator(bus.events, bus.jetstream),
        ResultCache(bus.events, bus.jetstream, timeout=settings.result_cache_timeout),
    )
    jobs = JobService(bus.events, bus.work, acceptance, cancellation, builder, log_capacity, quota)

    plans = PlanStore(bus.jetstream)
    admission = BatchAdmission(jobs, acceptance, quota, log_capacity, plans, bus.jetstream)
    batches = BatchService(bus.events, jobs, admission, plans, bus.jetstream)
    previews = BulkPreview(bus.events, jobs, acceptance)
    actions = BulkActions(bus.events, jobs, cancellation, previews, plans, bus.jetstream)

    pulling = Connection(settings, "gateway")
    broker = create_broker(settings, pulling)
    subscribe(broker, RequestConsumer(bus.jetstream, jobs))

    async def open_bus() -> None:
        await bus.open()
        await broker.start()

    async def watch_projects() -> None:
        await bus.opened.wait()
        await projects.watch()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loops: dict[str, BackgroundTask] = {
            "bus": open_bus,
            "gauge": log_capacity.watch,
            "backlog": quota.watch,
        }
        loops["catalog"] = partial(watch_files, settings, catalog, load)
        loops["writes"] = bus.watch_writes
        loops["projects"] = watch_projects
        async with run_in_background(**loops):
            yield
        pulling.expect_close()
        await broker.stop()
        await bus.close()

    app = create_web(settings, "Heliograph", lifespan=lifespan)
    app.include_router(job_routes(jobs, views))
    app.include_router(view_routes(views))
    app.include_router(cancel_routes(cancellation, views))
    app.include_router(slot_routes(versions))
    app.include_router(cast_routes(CastReferences(jobs, acceptance), views))
    app.include_router(batch_routes(batches, presenter))
    app.include_router(action_routes(actions, presenter))
    app.include_router(limit_routes(limits))
    app.include_router(project_routes(projects))
    app.include_router(cleanup_routes(CleanupRequests(bus.jetstream, projects)))
    app.include_router(catalog_routes(catalog))
    app.include_router(index_routes(settings))
    app.include_router(problem_pages())
    add_health(
        app, {"nats": bus.check}, unusable=settings.unusable_providers, warnings=bus.warnings
    )
    return app

"""The gateway, wired: HTTP requests in, accepted jobs and wishes about jobs out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from heliograph.contracts.catalog import Registry
from heliograph.runtime.background import Loop, running
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.pull_broker import create_broker
from heliograph.runtime.catalog import load_registry
from heliograph.runtime.catalog.reload import reread
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.health import add_health
from heliograph.runtime.job_view import Presenter
from heliograph.runtime.presigned_urls import Addresses
from services.gateway.bulk.action_routes import acting_routes
from services.gateway.bulk.actions import Actions
from services.gateway.bulk.admission import Admitter
from services.gateway.bulk.batches import Batches
from services.gateway.bulk.cast import Pairs
from services.gateway.bulk.cast_routes import pairing_routes
from services.gateway.bulk.plans import Plans
from services.gateway.bulk.previews import Previews
from services.gateway.bulk.routes import batching_routes
from services.gateway.bus_requests import Ear, listen
from services.gateway.catalog import index_routes, problem_pages, registry_routes
from services.gateway.jobs.acceptance import Acceptor
from services.gateway.jobs.cancel_routes import canceling_routes
from services.gateway.jobs.cancellation import Canceler
from services.gateway.jobs.enrichment import Drafter
from services.gateway.jobs.references import References
from services.gateway.jobs.result_cache import Results
from services.gateway.jobs.routes import asking_routes
from services.gateway.jobs.service import Desk
from services.gateway.jobs.view_routes import reading_routes
from services.gateway.jobs.views import Reader
from services.gateway.limits.lanes_accounts import Limits
from services.gateway.limits.log_capacity import Gauge
from services.gateway.limits.quota import Backlog
from services.gateway.limits.routes import limiting_routes
from services.gateway.projects.cleanup import Cleanups
from services.gateway.projects.cleanup_routes import cleaning_routes
from services.gateway.projects.routes import defaulting_routes
from services.gateway.projects.settings_store import Projects
from services.gateway.settings import GatewaySettings
from services.gateway.slots.routes import versioning_routes
from services.gateway.slots.versions import Versions


def create_app(settings: GatewaySettings) -> FastAPI:
    """Assemble the service from its settings."""

    def load() -> Registry:
        return load_registry(settings).without(settings.unusable_providers)

    registry = load()
    bus = NatsBus(settings, registry, "gateway")
    presenter = Presenter(settings, Addresses(bus.jetstream, patience=settings.sign_patience))
    reader = Reader(bus.events, bus.jetstream, presenter)
    limits = Limits(bus.jetstream, registry, bus.lanes, bus.accounts)
    gauge = Gauge(bus.jetstream, full_at=settings.full_at)
    backlog = Backlog(
        limits, limit=settings.max_queued, project_limit=settings.max_queued_per_project
    )
    canceler = Canceler(bus.events, bus.work, bus.jetstream.hint)
    versions = Versions(bus.slots, bus.jetstream, presenter)
    acceptor = Acceptor(bus.events, bus.work, bus.slots, courtesy=settings.claim_courtesy)
    projects = Projects(bus.jetstream, registry)
    drafter = Drafter(
        registry,
        bus.events,
        projects,
        versions,
        References(bus.events, bus.jetstream),
        Results(bus.events, bus.jetstream, patience=settings.reuse_patience),
    )
    desk = Desk(bus.events, bus.work, acceptor, canceler, drafter, gauge, backlog)

    plans = Plans(bus.jetstream)
    admitter = Admitter(desk, acceptor, backlog, gauge, plans, bus.jetstream)
    batches = Batches(bus.events, desk, admitter, plans, bus.jetstream)
    previews = Previews(bus.events, desk, acceptor)
    actions = Actions(bus.events, desk, canceler, previews, plans, bus.jetstream)

    pulling = Connection(settings, "gateway")
    broker = create_broker(settings, pulling)
    listen(broker, Ear(bus.jetstream, desk))

    async def open_bus() -> None:
        await bus.open()
        await broker.start()

    async def watch_projects() -> None:
        await bus.opened.wait()
        await projects.watch()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loops: dict[str, Loop] = {"bus": open_bus, "gauge": gauge.watch, "backlog": backlog.watch}
        loops["registry"] = partial(reread, settings, registry, load)
        loops["writes"] = bus.watch_writes
        loops["projects"] = watch_projects
        async with running(**loops):
            yield
        pulling.expect_close()
        await broker.stop()
        await bus.close()

    app = create_web(settings, "Heliograph", lifespan=lifespan)
    app.include_router(asking_routes(desk, reader))
    app.include_router(reading_routes(reader))
    app.include_router(canceling_routes(canceler, reader))
    app.include_router(versioning_routes(versions))
    app.include_router(pairing_routes(Pairs(desk, acceptor), reader))
    app.include_router(batching_routes(batches, presenter))
    app.include_router(acting_routes(actions, presenter))
    app.include_router(limiting_routes(limits))
    app.include_router(defaulting_routes(projects))
    app.include_router(cleaning_routes(Cleanups(bus.jetstream, projects)))
    app.include_router(registry_routes(registry))
    app.include_router(index_routes(settings))
    app.include_router(problem_pages())
    add_health(
        app, {"nats": bus.check}, unusable=settings.unusable_providers, warnings=bus.warnings
    )
    return app

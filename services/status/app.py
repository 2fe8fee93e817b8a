"""The status service's application: events in, live streams and query replies out."""

from functools import partial

from fastapi import FastAPI

from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.service import Service
from services.status.bookkeeper import Bookkeeper
from services.status.live.build import build_live
from services.status.maintenance.build import build_maintenance
from services.status.metrics import export_lag
from services.status.projector import Projector
from services.status.queries import serve_queries
from services.status.read_model.sql import SqlReadModel
from services.status.read_your_writes import ReadYourWrites
from services.status.readiness import readiness_checks
from services.status.settings import StatusSettings
from services.status.slots import SlotReadModel


def create_app(settings: StatusSettings) -> FastAPI:
    """Assemble the service from its settings."""
    service = Service("status", settings)
    bus, prepared = service.bus, service.prepared
    read_model = SqlReadModel(settings.database)
    live = build_live(service, read_model)
    writes = ReadYourWrites(read_model, live.hub, timeout=settings.read_your_writes_timeout)
    slots = SlotReadModel(read_model, bus.slots, live.hub, writes)
    projects = KvCache(bus.jetstream, "projects")
    maintenance = build_maintenance(service, read_model, writes, projects)
    projector = Projector(bus, live.hub, read_model)
    bookkeeper = Bookkeeper(bus, live.hub, projects)

    service.on_open(
        read_model.prepare,
        partial(serve_queries, bus, read_model, live.hub, slots, writes, maintenance.retention),
    )
    service.run(hub=live.hub.run)
    service.run_when_prepared(
        projector=projector.run,
        lag=partial(export_lag, read_model.cursor, live.hub.missed.last_sequence),
        bookkeeper=bookkeeper.run,
        projects=projects.watch,
        **maintenance.tasks,
    )
    service.close_last(read_model)
    return service.web(
        "Heliograph status", live.routes, checks=readiness_checks(live.hub, read_model, prepared)
    )

"""
The render service's application: run messages in, submissions and rendered jobs out.

With HELIOGRAPH_RUN_JOBS=false it only dispatches, so that queues move while no other render runs.
"""

from functools import partial

from fastapi import FastAPI

from heliograph.runtime.service import Service
from services.render.metrics import export_account_metrics
from services.render.providers.factory import create_providers, unusable_among
from services.render.providers.sim import SimProvider
from services.render.providers.sim.result_server import sim_routes
from services.render.references.build import build_references
from services.render.scheduler.build import run_dispatcher
from services.render.settings import RenderSettings
from services.render.worker.build import build_service_worker, serve_worker
from services.render.worker.run_consumer import consume_runs
from services.render.worker.webhooks import webhook_routes


def create_app(settings: RenderSettings) -> FastAPI:
    """Assemble the process from its settings: it runs jobs, dispatches, or does both."""
    service = Service(settings.role, settings)
    service.run(meter=partial(export_account_metrics, service.bus.accounts))
    run_dispatcher(service)
    if not settings.run_jobs:
        return service.web("Heliograph dispatcher", [])

    sim = SimProvider(settings.folder.path, settings.render_url)
    hosted = create_providers(settings, service.catalog.section(lambda each: each.models))
    references = build_references(service.bus, settings, hosted)
    worker = build_service_worker(service, {"sim": sim, **hosted}, references.resolver)
    unusable = unusable_among(hosted)

    consume_runs(service, worker)
    serve_worker(service, worker)
    service.run(copies=references.upload_cache.watch)
    service.run(sim_records=partial(sim.remove_old_records, settings.sim_record_retention))
    service.close_last(*hosted.values())
    webhooks = [webhook_routes(worker, service.bus.notify)] if settings.render_public_url else []
    return service.web(
        "Heliograph render",
        [sim_routes(sim), *webhooks],
        unusable=unusable,
        ends_within=partial(worker.ends_within, without=unusable),
    )

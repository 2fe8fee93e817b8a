"""
The render service's application: run messages in, submissions and rendered jobs out.

A process runs jobs and may become the dispatcher. With HELIOGRAPH_RUN_JOBS=false it only dispatches, so
that jobs are taken from the queue while no other render runs.
"""

from functools import partial

from fastapi import FastAPI

from heliograph.runtime.budgets.marks import CachedBudgetMarks
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.service import Service
from services.render.metrics import export_account_metrics
from services.render.providers.factory import create_providers, unusable_among
from services.render.providers.output_upload import OutputUploader
from services.render.providers.sim import SimProvider
from services.render.providers.sim.result_server import sim_routes
from services.render.references.build import build_references
from services.render.scheduler.dispatcher import Dispatcher
from services.render.settings import RenderSettings
from services.render.worker.build import build_worker, serve_worker
from services.render.worker.inline_answers import recover_forever
from services.render.worker.run_consumer import consume_runs
from services.render.worker.webhooks import webhook_routes


def create_app(settings: RenderSettings) -> FastAPI:
    """Assemble the process from its settings: it runs jobs, dispatches, or does both."""
    service = Service(settings.role, settings)
    bus, catalog = service.bus, service.catalog
    service.run(lanes=bus.lanes.watch, accounts=bus.accounts.watch)
    service.run(meter=partial(export_account_metrics, bus.accounts))
    if settings.dispatch:
        service.run(dispatcher=Dispatcher(bus, catalog.current, settings).run)
    return _with_worker(service) if settings.run_jobs else service.web("Heliograph dispatcher", [])


def _with_worker(service: Service[RenderSettings]) -> FastAPI:
    settings, bus, catalog = service.settings, service.bus, service.catalog
    drain = settings.shutdown_grace_period
    sim = SimProvider(settings.folder.path, settings.render_url)
    hosted = create_providers(settings, catalog.section(lambda each: each.models))
    uploader = OutputUploader(settings.storage_internal_base_url, service.credentials)
    providers, unusable = {"sim": sim, **hosted}, unusable_among(hosted)
    references = build_references(bus, settings, hosted)
    projects = KvCache(bus.jetstream, "projects")
    marks = CachedBudgetMarks(projects, confirmed_within=settings.budget_confirmed_within)
    worker = build_worker(bus, settings, catalog, providers, references.resolver, uploader, marks)

    consume_runs(service, worker)
    service.on_open(partial(serve_worker, bus, worker))
    service.run(projects=projects.watch)
    service.run(answers=partial(recover_forever, worker), copies=references.upload_cache.watch)
    service.run(sim_records=partial(sim.remove_old_records, settings.sim_record_retention))
    service.on_drain(worker.drain)
    service.close_last(*hosted.values(), uploader)
    webhooks = [webhook_routes(worker, bus.notify)] if settings.render_public_url else []
    return service.web(
        "Heliograph render",
        [sim_routes(sim), *webhooks],
        unusable=unusable,
        ends_within=lambda: drain + catalog.current.without(unusable).longest_answer,
    )

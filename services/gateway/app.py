"""The gateway's application: HTTP and bus requests in, accepted jobs out."""

from fastapi import FastAPI

from heliograph.runtime.job_view import create_presenter
from heliograph.runtime.service import Service
from services.gateway.access.build import build_access
from services.gateway.budgets.build import build_budgets
from services.gateway.bulk.build import build_bulk
from services.gateway.bus_requests import consume_requests
from services.gateway.catalog.build import build_catalog
from services.gateway.console import add_console
from services.gateway.jobs.build import build_jobs
from services.gateway.limits.build import build_limits
from services.gateway.projects.build import build_projects
from services.gateway.settings import GatewaySettings
from services.gateway.slots.build import build_slots


def create_app(settings: GatewaySettings) -> FastAPI:
    """Assemble the service from its settings."""
    service = Service("gateway", settings, without=settings.unusable_providers)
    presenter = create_presenter(settings, service.bus.request)
    projects = build_projects(service)
    limits = build_limits(service, projects.settings.quotas)
    slots = build_slots(service, presenter)
    budgets = build_budgets(service, projects)
    jobs = build_jobs(service, presenter, limits, projects, slots, budgets)
    bulk = build_bulk(service, presenter, jobs)
    catalog = build_catalog(service)

    consume_requests(service, jobs.service)
    service.run(quota=limits.queue_quota.watch, log_capacity=limits.log_capacity.watch)
    service.run(projects=projects.settings.watch)
    routes = [*jobs.routes, *slots.routes, *bulk, *limits.routes, *projects.routes, *catalog]
    routes += budgets.routes
    # requests for jobs come most, and FastAPI tries one router after the other
    web = service.web(
        "Heliograph",
        [*routes, *build_access(service)],
        unusable=settings.unusable_providers,
    )
    add_console(web, settings)
    return web

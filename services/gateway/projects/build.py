"""Builds the projects: their settings, cleanup on request, and usage."""

from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter

from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.service import Service
from services.gateway.projects.cleanup import CleanupRequests
from services.gateway.projects.cleanup_routes import cleanup_routes
from services.gateway.projects.routes import project_routes
from services.gateway.projects.settings_store import ProjectSettings
from services.gateway.projects.usage import UsageReports
from services.gateway.projects.usage_routes import usage_routes
from services.gateway.settings import GatewaySettings


@dataclass(frozen=True, kw_only=True)
class Projects:
    """Project settings."""

    settings: ProjectSettings
    routes: list[APIRouter]


def build_projects(service: Service[GatewaySettings]) -> Projects:
    """Wire the projects of a gateway."""
    bus = service.bus
    settings = ProjectSettings(
        bus.jetstream,
        service.catalog,
        confirmed_within=service.settings.budget_confirmed_within,
    )
    cleanups = CleanupRequests(bus.request, bus.notify, settings)
    usage = UsageReports(bus.request, partial(_zone, BudgetLog(bus.jetstream)))
    routes = [
        project_routes(settings, bus.request),
        cleanup_routes(cleanups),
        usage_routes(usage),
    ]
    return Projects(settings=settings, routes=routes)


async def _zone(budgets: BudgetLog, project: str) -> str:
    """The time zone of a project: that of its budget."""
    _, budget = await budgets.stored(project)
    return budget.zone if budget else "UTC"

"""Builds the projects: their settings, and cleanup on request."""

from dataclasses import dataclass

from fastapi import APIRouter

from heliograph.runtime.service import Service
from services.gateway.projects.cleanup import CleanupRequests
from services.gateway.projects.cleanup_routes import cleanup_routes
from services.gateway.projects.routes import project_routes
from services.gateway.projects.settings_store import ProjectSettings
from services.gateway.settings import GatewaySettings


@dataclass(frozen=True, kw_only=True)
class Projects:
    """Project settings."""

    settings: ProjectSettings
    routes: list[APIRouter]


def build_projects(service: Service[GatewaySettings]) -> Projects:
    """Wire the projects of a gateway."""
    bus = service.bus
    settings = ProjectSettings(bus.jetstream, service.catalog)
    cleanups = CleanupRequests(bus.request, bus.notify, settings)
    routes = [project_routes(settings, bus.request), cleanup_routes(cleanups)]
    return Projects(settings=settings, routes=routes)


async def _utc(project: str) -> str:
    """The time zone of projects."""
    return "UTC"

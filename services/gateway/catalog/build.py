"""Builds the catalog: its routes, those of the index, and the pages of problem types."""

from fastapi import APIRouter

from heliograph.runtime.service import Service
from services.gateway.catalog.index_routes import index_routes
from services.gateway.catalog.problem_pages import problem_pages
from services.gateway.catalog.routes import catalog_routes
from services.gateway.settings import GatewaySettings


def build_catalog(service: Service[GatewaySettings]) -> list[APIRouter]:
    """Routes of the catalog, the index and the pages of problem types."""
    catalog = service.catalog
    return [catalog_routes(catalog), index_routes(service.settings, catalog), problem_pages()]

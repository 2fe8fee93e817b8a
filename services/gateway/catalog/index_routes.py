"""HTTP routes of the API's index: version, providers and URLs."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response

from heliograph.contracts.asyncapi import asyncapi
from heliograph.contracts.catalog import Catalog, provider_of
from heliograph.contracts.listings import Index
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.http.access import public
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.strict_route import create_router
from heliograph.runtime.job_view import live_address
from services.gateway.settings import GatewaySettings


def index_routes(settings: GatewaySettings, catalog: CurrentCatalog) -> APIRouter:
    """Index route: a client needs only the gateway's URL."""
    router = create_router("registry", prefix="")
    facts = {
        "version": version("heliograph"),
        "auth": settings.auth,
        "sign_in": _ways_to_sign_in(settings),
        "links": _links(settings),
    }

    document = asyncapi(settings.nats_hosts[0])

    @router.get(
        "/v1",
        response_model=Index,
        response_description="Version, providers and URLs",
        summary="Index of the API: version, providers and URLs",
    )
    @public
    async def get_index() -> Response:
        return json_response({**facts, "providers": _providers(catalog.current)})

    @router.get(
        "/asyncapi",
        response_model=dict[str, Any],
        response_description="The AsyncAPI document",
        summary="AsyncAPI 3.0 document of the message bus",
    )
    @public
    async def get_asyncapi() -> Response:
        return json_response(document)

    return router


def _links(settings: GatewaySettings) -> dict[str, str | None]:
    here = settings.gateway_url
    return {
        "docs": f"{here}/docs",
        "openapi": f"{here}/openapi.json",
        "asyncapi": f"{here}/asyncapi",
        "live": live_address(settings),
        "sse": f"{settings.status_url}/v1/events?project={{project}}",
        "live_asyncapi": f"{settings.status_url}/asyncapi",
        "status_openapi": f"{settings.status_url}/openapi.json",
        "storage_openapi": f"{settings.storage_url}/openapi.json",
        "projects": f"{here}/v1/projects",
        "models": f"{here}/v1/models",
        "kinds": f"{here}/v1/kinds",
        "lanes": f"{here}/v1/lanes",
        "accounts": f"{here}/v1/accounts",
        "uploads": f"{settings.storage_url}/v1/projects/{{project}}/uploads/sha256/{{hex}}",
        "assets": f"{settings.storage_url}/v1/assets/{{asset}}",
        "session": f"{here}/v1/session",
        "oidc": f"{here}/v1/session/oidc" if settings.oidc_issuer else None,
    }


def _ways_to_sign_in(settings: GatewaySettings) -> list[str]:
    if settings.auth == "off":
        return []
    return ["key", "oidc"] if settings.oidc_issuer else ["key"]


def _providers(catalog: Catalog) -> list[str]:
    """Providers with a model that can be used here."""
    return sorted({provider_of(name) for name in catalog.models if catalog.account_for(name)})

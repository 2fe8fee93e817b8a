"""Routes of the catalog: models, kinds, the API's index, and the pages of problem types."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from heliograph.contracts.asyncapi import asyncapi
from heliograph.contracts.catalog import Catalog, provider_of
from heliograph.contracts.errors import NotFound, every_error
from heliograph.contracts.ids import MODEL_PATTERN, matches
from heliograph.contracts.kinds import Kind
from heliograph.contracts.listings import Index, KindList, ListedModel, ModelList
from heliograph.contracts.models import Model
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.parameter_forms import with_forms
from heliograph.runtime.http.access import ScopedRoute, needs, public
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from heliograph.runtime.job_view import live_address
from heliograph.runtime.service import Service
from services.gateway.http import page
from services.gateway.settings import GatewaySettings


def build_catalog(service: Service[GatewaySettings]) -> list[APIRouter]:
    """Routes of the catalog, the index and the pages of problem types."""
    catalog = service.catalog
    return [catalog_routes(catalog), index_routes(service.settings, catalog), problem_pages()]


def catalog_routes(catalog: CurrentCatalog) -> APIRouter:
    """The catalog, read only."""
    router = create_router("registry")

    @router.get(
        "/models",
        response_model=ModelList,
        response_description="Every model that has an account here",
        summary="Models, with prices and the schema of their parameters",
    )
    @needs()
    async def list_models() -> Response:
        known = catalog.current
        usable = {n: m for n, m in known.models.items() if known.account_for(n)}
        return page([_model(name, model) for name, model in usable.items()])

    @router.get(
        "/models/{provider}/{name}",
        response_model=ListedModel,
        response_description="The model",
        responses=problems(NotFound),
        summary="One model",
    )
    @needs()
    async def get_model(provider: str, name: str) -> Response:
        full = f"{provider}/{name}"
        model = catalog.current.models.get(full)
        if model is None or not matches(MODEL_PATTERN, full):
            raise NotFound(f"there is no model {full}")
        if catalog.current.account_for(full) is None:
            raise NotFound(f"no account for {full} is configured")
        return json_response(_model(full, model))

    @router.get(
        "/kinds",
        response_model=KindList,
        response_description="Every kind",
        summary="What a job can be for",
    )
    @needs()
    async def list_kinds() -> Response:
        known = catalog.current
        return page([_kind(name, kind, known) for name, kind in known.kinds.items()])

    return router


def index_routes(settings: GatewaySettings, catalog: CurrentCatalog) -> APIRouter:
    """Index route: a client needs only the gateway's URL."""
    router = create_router("registry", prefix="")
    here = settings.gateway_url
    links = {
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
    facts = {
        "version": version("heliograph"),
        "auth": settings.auth,
        "sign_in": _ways_to_sign_in(settings),
        "links": links,
    }

    document = asyncapi(settings.nats_hosts[0])

    @router.get(
        "/v1",
        response_model=Index,
        response_description="Version, providers and addresses",
        summary="What this deployment is, and where everything is",
    )
    @public
    async def get_index() -> Response:
        return json_response({**facts, "providers": _providers(catalog.current)})

    @router.get(
        "/asyncapi",
        response_model=dict[str, Any],
        response_description="The AsyncAPI document",
        summary="The bus, for other services (AsyncAPI 3.0)",
    )
    @public
    async def get_asyncapi() -> Response:
        return json_response(document)

    return router


def _ways_to_sign_in(settings: GatewaySettings) -> list[str]:
    if settings.auth == "off":
        return []
    return ["key", "oidc"] if settings.oidc_issuer else ["key"]


def problem_pages() -> APIRouter:
    """A page for each `code`, from the docstring that is also its title."""
    router = APIRouter(include_in_schema=False, route_class=ScopedRoute)
    pages = {error.code: error for error in reversed([*every_error()])}  # the parent has the word

    @router.get("/problems/{code}")
    @public
    async def problem(code: str) -> Response:
        error = pages.get(code)
        if error is None:
            raise NotFound
        status = f"HTTP status {error.status}" if error.status else "the error of a job"
        again = (
            "It may pass: try again."
            if error.retryable
            else "Repeating the same request does not help."
        )
        return HTMLResponse(
            f"<!doctype html><title>{code}</title><h1>{code}</h1>"
            f"<p>{error.title()}</p><p>{status}. {again}</p>"
        )

    return router


def _providers(catalog: Catalog) -> list[str]:
    """Providers with a model that can be used here."""
    return sorted({provider_of(name) for name in catalog.models if catalog.account_for(name)})


def _kind(name: str, kind: Kind, catalog: Catalog) -> dict[str, Any]:
    """With the model that is taken here; which others there could be is the operator's business."""
    shown: dict[str, Any] = kind.model_dump(mode="json", exclude={"preferred"})
    return {"name": name, **shown, "model": catalog.model_for(kind)}


def _model(name: str, model: Model) -> dict[str, Any]:
    shown: dict[str, Any] = model.model_dump(
        mode="json", exclude={"parameters", "required", "arguments"}
    )
    schema = model.schema_of_parameters()
    return {
        "name": name,
        "provider": provider_of(name),
        **shown,
        "supports": model.supports,
        "aspect_ratios": model.aspect_ratios,
        "parameters": schema | {"properties": with_forms(model.parameters)},
        "arguments": model.schema_of_arguments(),
    }

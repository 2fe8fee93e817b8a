"""HTTP of what can be made: models, kinds, lanes, and the pages that problems point to."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse

from heliograph.contracts.errors import NotFound, every_error
from heliograph.contracts.names import MODEL_PATTERN, matches
from heliograph.contracts.registry import Model, Registry, provider_of
from heliograph.runtime.presenting import live_address
from heliograph.runtime.web import no_query
from services.gateway.reading import Reader
from services.gateway.routes import PROBLEMS, answer
from services.gateway.settings import GatewaySettings


def registry_routes(registry: Registry, reader: Reader) -> APIRouter:
    """The registry, read only."""
    router = APIRouter(
        prefix="/v1", tags=["registry"], responses=PROBLEMS, dependencies=[Depends(no_query)]
    )

    @router.get("/models", summary="Models, with prices and the schema of their parameters")
    async def list_models() -> Response:
        return _page([_model(name, model) for name, model in registry.models.items()])

    @router.get("/models/{provider}/{name}", summary="One model")
    async def get_model(provider: str, name: str) -> Response:
        full = f"{provider}/{name}"
        model = registry.models.get(full)
        if model is None or not matches(MODEL_PATTERN, full):
            raise NotFound(f"there is no model {full}")
        return answer(_model(full, model))

    @router.get("/kinds", summary="What a job can be for")
    async def list_kinds() -> Response:
        return _page([{"name": n, **k.model_dump(mode="json")} for n, k in registry.kinds.items()])

    @router.get("/lanes", summary="The bounded queues, as they are now")
    async def list_lanes() -> Response:
        return _page(await reader.lanes())

    return router


def index_routes(settings: GatewaySettings) -> APIRouter:
    """Where everything is: all a client has to know is the gateway's address."""
    router = APIRouter(tags=["registry"], dependencies=[Depends(no_query)])
    here = settings.gateway_url
    links = {
        "docs": f"{here}/docs",
        "openapi": f"{here}/openapi.json",
        "live": live_address(settings),
        "models": f"{here}/v1/models",
        "kinds": f"{here}/v1/kinds",
        "lanes": f"{here}/v1/lanes",
        "uploads": f"{settings.storage_url}/v1/projects/{{project}}/uploads/sha256/{{hex}}",
    }

    @router.get("/v1", summary="Where everything is")
    async def index() -> Response:
        return answer({"links": links})

    return router


def problem_pages() -> APIRouter:
    """A page for each `code`, from the docstring that is also its title."""
    router = APIRouter(include_in_schema=False)
    pages = {error.code: error for error in every_error()}

    @router.get("/problems/{code}")
    async def problem(code: str) -> Response:
        error = pages.get(code)
        if error is None:
            raise NotFound
        status = f"HTTP status {error.status}" if error.status else "the error of a job"
        again = "It may pass: try again." if error.retryable else "Trying the same again is no use."
        return HTMLResponse(
            f"<!doctype html><title>{code}</title><h1>{code}</h1>"
            f"<p>{error.title()}</p><p>{status}. {again}</p>"
        )

    return router


def _model(name: str, model: Model) -> dict[str, Any]:
    shown: dict[str, Any] = model.model_dump(mode="json", exclude={"parameters", "required"})
    return {
        "name": name,
        "provider": provider_of(name),
        **shown,
        "parameters": model.schema_of_parameters(),
    }


def _page(items: list[dict[str, Any]]) -> Response:
    return answer({"items": items, "next": None})

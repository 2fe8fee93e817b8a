"""HTTP routes of the catalog: models and kinds."""

from typing import Any

from fastapi import APIRouter, Response

from heliograph.contracts.catalog import Catalog, provider_of
from heliograph.contracts.errors import NotFound
from heliograph.contracts.ids import MODEL_PATTERN, matches
from heliograph.contracts.kinds import Kind
from heliograph.contracts.listings import KindList, ListedModel, ModelList
from heliograph.contracts.models import Model
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.parameter_forms import with_forms
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.http import page


def catalog_routes(catalog: CurrentCatalog) -> APIRouter:
    """The catalog, read only."""
    router = create_router("registry")

    @router.get(
        "/models",
        response_model=ModelList,
        response_description="Models that have a configured account",
        summary="List models with prices and parameter schemas",
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
        summary="Model with its prices and parameter schema",
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
        response_description="Kinds of jobs",
        summary="List kinds of jobs",
    )
    @needs()
    async def list_kinds() -> Response:
        known = catalog.current
        return page([_kind(name, kind, known) for name, kind in known.kinds.items()])

    return router


def _kind(name: str, kind: Kind, catalog: Catalog) -> dict[str, Any]:
    """The kind with its default model here; the operator's preferred models are not shown."""
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

"""Project defaults: fill in what a request leaves out."""

from typing import Protocol

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import ModelLocked
from heliograph.contracts.kinds import Kind
from heliograph.contracts.problems import FieldError, NextAction
from heliograph.contracts.projects import Defaults
from heliograph.contracts.requests import JobRequest
from services.gateway.projects.aspect_ratios import default_aspect_ratio


class DefaultsSource(Protocol):
    """Defaults of projects. Raises Unavailable."""

    async def defaults(self, project: str) -> Defaults: ...


def apply_defaults(
    request: JobRequest, kind: Kind, catalog: Catalog, defaults: Defaults
) -> tuple[str, JobRequest]:
    """
    The model, and the request completed by the defaults.

    Raises:
        ModelLocked: The request names another model than the project is locked to.
    """
    locked = locked_model(kind, catalog, defaults)
    if locked and request.model not in (None, locked):
        raise _refusal(locked)
    usual = catalog.model_for(kind, references=bool(request.references))
    name = request.model or locked or defaults.models.get(request.kind) or usual
    parameters = default_aspect_ratio(catalog.models.get(name), defaults) | request.parameters
    return name, request.model_copy(update={"model": name, "parameters": parameters})


def locked_model(kind: Kind, catalog: Catalog, defaults: Defaults) -> str | None:
    """The model to which a project is locked for a kind. A lock applies only to kinds of its medium."""
    locked = catalog.models.get(defaults.locked_model or "")
    return defaults.locked_model if locked and locked.media == kind.media else None


def _refusal(locked: str) -> ModelLocked:
    detail = f"the project makes this with {locked} only"
    use = NextAction(kind="change_request", label=f"Use {locked}", patch={"model": locked})
    return ModelLocked(
        detail, errors=[FieldError(pointer="/model", detail=detail)], next_actions=[use]
    )

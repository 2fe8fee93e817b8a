"""Validation of project settings: kinds, models and aspect ratios must be in the catalog. Pure."""

from collections.abc import Iterator

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import UnknownKind, UnknownModel, ValidationFailed
from heliograph.contracts.models import Model
from heliograph.contracts.projects import ChangeProject
from heliograph.contracts.retention import ChangeRetention
from services.gateway.projects.aspect_ratios import supports_aspect_ratio


def validate_change(change: ChangeProject, catalog: Catalog) -> None:
    """
    Raises:
        UnknownKind, UnknownModel: The catalog has no such name.
        ValidationFailed: A model's medium is not that of its kind, or no model has the aspect ratio.
    """
    defaults = change.defaults
    for name, model in (defaults.models or {}).items():
        at = f"/defaults/models/{name}"
        kind = catalog.kinds.get(name)
        if kind is None:
            raise UnknownKind.at(at, f"there is no kind {name!r}")
        if model is not None and _model(model, catalog, at).media != kind.media:
            raise ValidationFailed.at(at, f"{model} does not make {kind.media}")
    if defaults.locked_model is not None:
        _model(defaults.locked_model, catalog, "/defaults/locked_model")
    if defaults.aspect_ratio is not None and not any(_that_take(defaults.aspect_ratio, catalog)):
        raise ValidationFailed.at(
            "/defaults/aspect_ratio", f"no model supports aspect_ratio {defaults.aspect_ratio}"
        )
    check_retention(change.retention, catalog, "/retention")


def check_retention(change: ChangeRetention, catalog: Catalog, at: str) -> None:
    """Raises UnknownKind. The rule of a removed kind can still be deleted."""
    for name, rule in (change.kinds or {}).items():
        if rule is not None and name not in catalog.kinds:
            raise UnknownKind.at(f"{at}/kinds/{name}", f"there is no kind {name!r}")


def _model(name: str, catalog: Catalog, at: str) -> Model:
    model = catalog.models.get(name)
    if model is None:
        raise UnknownModel.at(at, f"there is no model {name!r}")
    return model


def _that_take(shape: str, catalog: Catalog) -> Iterator[Model]:
    return (model for model in catalog.models.values() if supports_aspect_ratio(model, shape))

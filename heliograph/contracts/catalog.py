"""Catalog: kinds, models, lanes and accounts as one consistent whole."""

from collections.abc import Container, Iterator
from typing import NamedTuple, Self

from pydantic import Field

from heliograph.contracts.catalog_entry import CatalogEntry
from heliograph.contracts.ids import Label, ModelName
from heliograph.contracts.kinds import Kind
from heliograph.contracts.models import Model


class Lane(CatalogEntry):
    """A bounded queue that all processes share."""

    cap: int = Field(ge=1, le=10_000)  #: jobs at once, over all processes


class Account(CatalogEntry):
    """A credential at a provider, with a limit of its own."""

    provider: str
    cap: int | None = Field(default=10, ge=1)  #: requests open at once; null: no limit


class Catalog(CatalogEntry):
    """The catalog: kinds, models, lanes and accounts, which operators describe in YAML."""

    kinds: dict[Label, Kind]
    models: dict[ModelName, Model]  #: by `provider/name`
    lanes: dict[Label, Lane]
    accounts: dict[Label, Account]

    def account_for(self, model: str) -> str | None:
        """The account that pays for a model; None when its provider has none."""
        provider = provider_of(model)
        return next((n for n, a in self.accounts.items() if a.provider == provider), None)

    def model_for(self, kind: Kind, *, references: bool = False) -> str:
        """The default model of a kind; `references`: it has to take some."""
        for name in kind.preferred:
            model = self.models.get(name)
            if model and self.account_for(name) and (model.max_references or not references):
                return name
        return kind.model

    @property
    def longest_response(self) -> float:
        """Longest `answers_within` of the models in use, in seconds."""
        usable = (model for name, model in self.models.items() if self.account_for(name))
        return max((model.answers_within or 0.0 for model in usable), default=0.0)

    def without(self, providers: Container[str]) -> Self:
        """The catalog without accounts at these providers: their models are unavailable."""
        kept = {n: a for n, a in self.accounts.items() if a.provider not in providers}
        return self.model_copy(update={"accounts": kept})


class CatalogError(NamedTuple):
    """Inconsistency of a catalog: the path of the entry, and the reason."""

    section: str
    path: tuple[str, ...]
    reason: str


def provider_of(model: str) -> str:
    """The provider in `provider/name`."""
    return model.split("/", 1)[0]


def inconsistencies(catalog: Catalog) -> Iterator[CatalogError]:
    """Names that lead nowhere, and defaults that do not fit."""
    for name, kind in catalog.kinds.items():
        if kind.lane not in catalog.lanes:
            yield CatalogError("kinds", (name, "lane"), f"there is no lane {kind.lane!r}")
        named: list[tuple[str, tuple[str, ...]]] = [(kind.model, ("model",))]
        named += [(each, ("preferred", str(n))) for n, each in enumerate(kind.preferred)]
        for model_name, path in named:
            model = catalog.models.get(model_name)
            if model is None:
                yield CatalogError("kinds", (name, *path), f"there is no model {model_name!r}")
            elif model.media != kind.media:
                reason = f"{model_name} produces {model.media}, but the kind requires {kind.media}"
                yield CatalogError("kinds", (name, *path), reason)
    for name, model in catalog.models.items():
        if catalog.account_for(name) is None:
            reason = f"provider {provider_of(name)!r} has no account"
            yield CatalogError("models", (name,), reason)
        if model.min_references > model.max_references:
            reason = f"more than max_references ({model.max_references})"
            yield CatalogError("models", (name, "min_references"), reason)

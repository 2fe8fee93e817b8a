"""Checks of a catalog that need the adapters of providers."""

from collections.abc import Iterator

from heliograph.contracts.catalog import Catalog, CatalogError, provider_of
from heliograph.contracts.payloads import PROVIDERS
from heliograph.contracts.payloads.reserved_names import reserved_names


def wrong_adapters(catalog: Catalog) -> Iterator[CatalogError]:
    """Models without an adapter, and arguments that the request body sets already."""
    for name, model in catalog.models.items():
        if provider_of(name) not in PROVIDERS:
            known = ", ".join(sorted(PROVIDERS))
            reason = f"provider {provider_of(name)!r} has no adapter; there are {known}"
            yield CatalogError("models", (name,), reason)
        for argument in sorted(model.arguments.keys() & reserved_names(model)):
            reason = "requests say this in other fields; declare it under parameters"
            yield CatalogError("models", (name, "arguments", argument), reason)

"""Checks of a catalog that need JSON Schema, or the adapters of providers."""

from collections.abc import Iterator

from jsonschema import Draft202012Validator, SchemaError

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


def wrong_schemas(catalog: Catalog) -> Iterator[CatalogError]:
    for name, model in catalog.models.items():
        named = [("parameters", n, schema) for n, schema in model.parameters.items()]
        named += [("arguments", n, schema) for n, schema in model.arguments.items()]
        for section, each, schema in named:
            try:
                Draft202012Validator.check_schema(schema)
            except SchemaError as error:
                path = (name, section, each, *map(str, error.absolute_path))
                yield CatalogError("models", path, error.message)


def wrong_presets(catalog: Catalog) -> Iterator[CatalogError]:
    for name, model in catalog.models.items():
        schema = Draft202012Validator({**model.schema_of_parameters(), "required": []})
        for preset, parameters in model.presets.items():
            for error in schema.iter_errors(parameters):
                path = (name, "presets", preset, *map(str, error.absolute_path))
                yield CatalogError("models", path, error.message)

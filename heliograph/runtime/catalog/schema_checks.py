"""Checks of a catalog that need JSON Schema."""

from collections.abc import Iterator

from jsonschema import Draft202012Validator, SchemaError

from heliograph.contracts.catalog import Catalog, CatalogError


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

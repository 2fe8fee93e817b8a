"""Loads the catalog: the shipped YAML, overlaid by the operator's files, validated as a whole."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from heliograph.contracts.catalog import Catalog, CatalogError, inconsistencies
from heliograph.runtime.catalog.adapter_checks import wrong_adapters
from heliograph.runtime.catalog.entry_lines import EntryLines
from heliograph.runtime.catalog.yaml_files import (
    SECTIONS,
    CatalogFileError,
    located_reason,
    read_section,
)
from heliograph.runtime.settings import ServiceSettings


def load_catalog(settings: ServiceSettings) -> Catalog:
    """
    The catalog of this deployment.

    Raises:
        CatalogFileError: A file is not valid. The error names file, line and reason; the operator
            must fix the file.
    """
    overlays = {section: getattr(settings, section) for section in SECTIONS}
    return read_catalog(overlays)


def read_catalog(overlays: Mapping[str, Path | None]) -> Catalog:
    """The shipped entries, each replaced as a whole where an overlay has one of the same name."""
    sections: dict[str, dict[str, Any]] = {}
    places: dict[str, EntryLines] = {}
    for section in SECTIONS:
        sections[section], places[section] = read_section(section, overlays.get(section))
    try:
        catalog = Catalog.model_validate(sections)
    except ValidationError as error:
        reasons = [located_reason(places, e["loc"], e["msg"]) for e in error.errors()]
        raise CatalogFileError("\n".join(reasons)) from None
    wrong = [*inconsistencies(catalog), *wrong_adapters(catalog)]
    if any(overlays.values()):
        wrong += _wrong_schemas(catalog)
    if wrong:
        reasons = [located_reason(places, (w.section, *w.path), w.reason) for w in wrong]
        raise CatalogFileError("\n".join(reasons))
    return catalog


def _wrong_schemas(catalog: Catalog) -> Iterator[CatalogError]:
    """What ships was checked by its tests: without overlays JSON Schema, 2 MiB, is not loaded."""
    from heliograph.runtime.catalog.schema_checks import wrong_presets, wrong_schemas

    wrong = [*wrong_schemas(catalog)]
    yield from wrong or wrong_presets(catalog)

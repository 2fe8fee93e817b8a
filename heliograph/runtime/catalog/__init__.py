"""Loads the catalog: the shipped YAML, overlaid by the operator's files, validated as a whole."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml
from jsonschema import Draft202012Validator, SchemaError
from pydantic import ValidationError

from heliograph.contracts.catalog import Catalog, CatalogError, inconsistencies, provider_of
from heliograph.contracts.payloads import PROVIDERS, reserved_names
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import StartupError

SECTIONS = ("kinds", "models", "lanes", "accounts")
SHIPPED = Path(__file__).parent


Entry = TypeVar("Entry")


class CurrentCatalog:
    """The catalog that holds now. It is replaced as a whole when its files change, see `reload`."""

    def __init__(self, catalog: Catalog) -> None:
        self.current = catalog

    def section(self, of: Callable[[Catalog], Mapping[str, Entry]]) -> Mapping[str, Entry]:
        """One section of whichever catalog holds, as `section(lambda catalog: catalog.models)`."""
        return _Section(self, of)


class _Section(Mapping[str, Entry]):
    def __init__(
        self, catalog: CurrentCatalog, of: Callable[[Catalog], Mapping[str, Entry]]
    ) -> None:
        self._catalog = catalog
        self._of = of

    def __getitem__(self, name: str) -> Entry:
        return self._of(self._catalog.current)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of(self._catalog.current))

    def __len__(self) -> int:
        return len(self._of(self._catalog.current))


class CatalogFileError(StartupError):
    """The catalog is wrong: the message says file, line and reason. Nothing starts with it."""


class _Place(NamedTuple):
    """Line of an entry in its file, and of its fields."""

    file: Path
    line: int
    inner: "_Places"


_Places = dict[str, _Place]


def load_catalog(settings: ServiceSettings) -> Catalog:
    """
    The catalog of this deployment.

    Raises:
        CatalogFileError: Name the file, the line and the reason; the operator mends the file.
    """
    overlays = {section: getattr(settings, section) for section in SECTIONS}
    return read_catalog(overlays)


def read_catalog(overlays: Mapping[str, Path | None]) -> Catalog:
    """The shipped entries, each replaced as a whole where an overlay has one of the same name."""
    sections: dict[str, dict[str, Any]] = {}
    places: dict[str, _Places] = {}
    for section in SECTIONS:
        sections[section], places[section] = _section(section, overlays.get(section))
    try:
        catalog = Catalog.model_validate(sections)
    except ValidationError as error:
        reasons = [_reason(places, e["loc"], e["msg"]) for e in error.errors()]
        raise CatalogFileError("\n".join(reasons)) from None
    wrong = [*inconsistencies(catalog), *_wrong_adapters(catalog), *_wrong_schemas(catalog)]
    wrong = wrong or [*_wrong_presets(catalog)]
    if wrong:
        reasons = [_reason(places, (w.section, *w.path), w.reason) for w in wrong]
        raise CatalogFileError("\n".join(reasons))
    return catalog


def _wrong_adapters(catalog: Catalog) -> Iterator[CatalogError]:
    """Models that nothing here can ask for, and arguments that the body says already."""
    for name, model in catalog.models.items():
        if provider_of(name) not in PROVIDERS:
            known = ", ".join(sorted(PROVIDERS))
            reason = f"provider {provider_of(name)!r} has no adapter; there are {known}"
            yield CatalogError("models", (name,), reason)
        for argument in sorted(model.arguments.keys() & reserved_names(model)):
            reason = "requests say this in other fields; declare it under parameters"
            yield CatalogError("models", (name, "arguments", argument), reason)


def _wrong_schemas(catalog: Catalog) -> Iterator[CatalogError]:
    for name, model in catalog.models.items():
        named = [("parameters", n, schema) for n, schema in model.parameters.items()]
        named += [("arguments", n, schema) for n, schema in model.arguments.items()]
        for section, each, schema in named:
            try:
                Draft202012Validator.check_schema(schema)
            except SchemaError as error:
                path = (name, section, each, *map(str, error.absolute_path))
                yield CatalogError("models", path, error.message)


def _wrong_presets(catalog: Catalog) -> Iterator[CatalogError]:
    for name, model in catalog.models.items():
        schema = Draft202012Validator({**model.schema_of_parameters(), "required": []})
        for preset, parameters in model.presets.items():
            for error in schema.iter_errors(parameters):
                path = (name, "presets", preset, *map(str, error.absolute_path))
                yield CatalogError("models", path, error.message)


def _section(section: str, overlay: Path | None) -> tuple[dict[str, Any], _Places]:
    entries, places = _read(SHIPPED / f"{section}.yaml", section)
    if overlay:
        replacements, their_places = _read(overlay, section)
        return entries | replacements, places | their_places
    return entries, places


def _read(file: Path, section: str) -> tuple[dict[str, Any], _Places]:
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except OSError as error:
        raise CatalogFileError(f"{file}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.reader.ReaderError) as error:
        raise CatalogFileError(f"{file}: {error.reason}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CatalogFileError(f"{file}:{line}: {error.problem}") from error
    if content is None:
        return {}, {}
    if not isinstance(content, dict):
        raise CatalogFileError(f"{file}:1: names of {section}, each with its entry")
    return {str(name): entry for name, entry in content.items()}, _places(node, file)


def _places(node: yaml.Node | None, file: Path) -> _Places:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        str(key.value): _Place(file, key.start_mark.line + 1, _places(value, file))
        for key, value in node.value
    }


def _reason(places: dict[str, _Places], path: tuple[str | int, ...], reason: str) -> str:
    """A mistake, with the line of its entry or of the nearest thing around it."""
    section, *names = (str(part) for part in path if part != "[key]")
    around, where = places[section], str(SHIPPED)
    for name in names:
        if name not in around:
            break
        place = around[name]
        around, where = place.inner, f"{place.file}:{place.line}"
    return f"{where}: {'.'.join([section, *names])}: {reason}"

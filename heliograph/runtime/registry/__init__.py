"""Reads the registry: the shipped YAML, with the operator's files laid over it, checked at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from heliograph.contracts.registry import Registry, inconsistencies
from heliograph.runtime.settings import ServiceSettings

SECTIONS = ("kinds", "models", "lanes", "accounts")
SHIPPED = Path(__file__).parent


class RegistryError(Exception):
    """The registry is wrong: the message says file, line and reason. Nothing starts with it."""


class _Place(NamedTuple):
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


_Places = dict[tuple[str, ...], _Place]


def load_registry(settings: ServiceSettings) -> Registry:
    """
    The registry of this deployment.

    Raises:
        RegistryError: Name the file, the line and the reason; the operator mends the file.
    """
    overlays = {section: getattr(settings, section) for section in SECTIONS}
    return read_registry(overlays)


def read_registry(overlays: Mapping[str, Path | None]) -> Registry:
    """The shipped entries, each replaced as a whole where an overlay has one of the same name."""
    places: _Places = {}
    sections = {s: _section(s, overlays.get(s), places) for s in SECTIONS}
    try:
        registry = Registry.model_validate(sections)
    except ValidationError as error:
        reasons = [
            f"{_place(places, e['loc'])}: {_path(e['loc'])}: {e['msg']}" for e in error.errors()
        ]
        raise RegistryError("\n".join(reasons)) from None
    wrong = [
        f"{_place(places, (w.section, *w.path))}: {_path((w.section, *w.path))}: {w.reason}"
        for w in inconsistencies(registry)
    ]
    if wrong:
        raise RegistryError("\n".join(wrong))
    return registry


def _section(section: str, overlay: Path | None, places: _Places) -> dict[str, Any]:
    entries = _read(SHIPPED / f"{section}.yaml", section, places)
    if overlay:
        entries |= _read(overlay, section, places)
    return entries


def _read(file: Path, section: str, places: _Places) -> dict[str, Any]:
    try:
        text = file.read_text()
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RegistryError(f"{file}:{line}: {error.problem}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise RegistryError(f"{file}:1: names of {section}, each with its entry")
    _note_lines(node, file, (section,), places)
    return {str(name): entry for name, entry in content.items()}


def _note_lines(node: yaml.Node | None, file: Path, path: tuple[str, ...], places: _Places) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        below = (*path, str(key.value))
        places[below] = _Place(file, key.start_mark.line + 1)
        _note_lines(value, file, below, places)


def _place(places: _Places, path: tuple[str | int, ...]) -> str:
    """The line of the entry, or of the nearest thing around it."""
    for end in range(len(path), 0, -1):
        place = places.get(tuple(str(part) for part in path[:end]))
        if place:
            return str(place)
    return str(SHIPPED)


def _path(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path)

"""YAML files of the catalog, with the line of each entry."""

from pathlib import Path
from typing import Any

import yaml

from heliograph.runtime.catalog.entry_lines import EntryLines, entry_lines
from heliograph.runtime.startup import StartupError

SECTIONS = ("kinds", "models", "lanes", "accounts")
SHIPPED = Path(__file__).parent
#: libyaml takes a fifth of the time, where the installed package has it
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CatalogFileError(StartupError):
    """The catalog is not valid; the message has file, line and reason. No service starts with it."""


def read_section(section: str, overlay: Path | None) -> tuple[dict[str, Any], EntryLines]:
    entries, places = _read(SHIPPED / f"{section}.yaml", section)
    if overlay:
        replacements, their_places = _read(overlay, section)
        return entries | replacements, places | their_places
    return entries, places


def _read(file: Path, section: str) -> tuple[dict[str, Any], EntryLines]:
    try:
        loader = _Loader(file.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        content = loader.construct_document(node) if node is not None else None
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
    return {str(name): entry for name, entry in content.items()}, entry_lines(node, file)


def located_reason(places: dict[str, EntryLines], path: tuple[str | int, ...], reason: str) -> str:
    """A mistake, with the line of its entry or of the nearest thing around it."""
    section, *names = (str(part) for part in path if part != "[key]")
    around, where = places[section], str(SHIPPED)
    for name in names:
        if name not in around:
            break
        place = around[name]
        around, where = place.inner, f"{place.file}:{place.line}"
    return f"{where}: {'.'.join([section, *names])}: {reason}"

"""Lines of entries in the files of the catalog, for errors that name them."""

from pathlib import Path
from typing import NamedTuple

import yaml


class _Place(NamedTuple):
    """Line of an entry in its file, and of its fields."""

    file: Path
    line: int
    inner: "EntryLines"


EntryLines = dict[str, _Place]


def entry_lines(node: yaml.Node | None, file: Path) -> EntryLines:
    """Lines of the entries of a mapping; empty for anything else."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        str(key.value): _Place(file, key.start_mark.line + 1, entry_lines(value, file))
        for key, value in node.value
    }

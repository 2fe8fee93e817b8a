"""
Outputs in a provider's response: found where the catalog says, else by one generic finder, and
judged one by one. Pure.

A list entry without a file is an entry of its own: it is reported, and the others are kept.
"""

from dataclasses import replace
from typing import Any

from services.render.providers.moderation import flags_beside
from services.render.providers.output_entries import OutputEntry, Search
from services.render.providers.output_finder import OutputFinder
from services.render.providers.output_places import OutputPlace, output_places


def find_outputs(content: Any, search: Search) -> list[OutputEntry]:
    """
    The outputs of a response, in its order, each once. Those of another media type count only where
    there is nothing else: then storage can say what came.
    """
    places = list(output_places(content, search.location))
    rows: list[list[OutputEntry]] = []
    for is_strict in (True, False):
        for place in places:
            rows.append(
                _moderated(place, OutputFinder(search, is_strict=is_strict).entries(place.value))
            )
            if not all(entry.is_empty for entry in rows[-1]):
                return rows[-1]
    return next((row for row in rows if any(entry.flagged for entry in row)), rows[0])


def _moderated(place: OutputPlace, row: list[OutputEntry]) -> list[OutputEntry]:
    flags = [flags_beside(each) for each in place.around]
    return [
        replace(entry, flagged=True) if any(flag(entry.index) for flag in flags) else entry
        for entry in row
    ]

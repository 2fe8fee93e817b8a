"""
Outputs in a provider's answer: found where the model's entry says, else by one generic finder, and
judged one by one. Pure.

A list entry without a file is a slot of its own: it is reported, and the others are kept.
"""

from dataclasses import replace
from typing import Any

from services.render.providers.moderation import flags_beside
from services.render.providers.output_entries import Search, Slot
from services.render.providers.output_finder import OutputFinder
from services.render.providers.output_places import OutputPlace, output_places


def slots_in(answer: Any, search: Search) -> list[Slot]:
    """
    The outputs of an answer, in its order, each once. Those of another media type count only where
    there is nothing else: then storage can say what came.
    """
    places = list(output_places(answer, search.place))
    rows: list[list[Slot]] = []
    for is_strict in (True, False):
        for place in places:
            rows.append(
                _moderated(place, OutputFinder(search, is_strict=is_strict).slots(place.value))
            )
            if not all(slot.is_empty for slot in rows[-1]):
                return rows[-1]
    return next((row for row in rows if any(slot.flagged for slot in row)), rows[0])


def _moderated(place: OutputPlace, row: list[Slot]) -> list[Slot]:
    flags = [flags_beside(each) for each in place.around]
    return [
        replace(slot, flagged=True) if any(flag(slot.index) for flag in flags) else slot
        for slot in row
    ]

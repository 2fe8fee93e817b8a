"""Slots, made of the rows that a slot query finds."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from services.status.read_model.row_columns import read_row
from services.status.read_model.rows import Row
from services.status.read_model.slot_rows import SlotRows

FAILURES = 10  #: shown of a slot

FAILED = ("failed", "expired")
OPEN_STATUSES = ("queued", "running")


def slots_in(rows: Sequence[Any]) -> list[SlotRows]:
    """The slots in rows of `slots_listed` or `slot_named`."""
    named = [each for each in rows if each.slot is not None]
    return [_slot(name, list(each)) for name, each in groupby(named, lambda row: str(row.slot))]


def _slot(name: str, slot_rows: list[Any]) -> SlotRows:
    rows = [read_row(each) for each in slot_rows if each.record is not None]

    def those(statuses: tuple[str, ...]) -> list[Row]:
        return [row for row in rows if row.record.status in statuses]

    return SlotRows(
        slot=name,
        versions=int(slot_rows[0].versions or 0),
        latest=next(iter(those(("succeeded",))), None),
        active=next(iter(those(OPEN_STATUSES)), None),
        failures=those(FAILED),
    )

"""Slots, as of the jobs that were for them."""

from dataclasses import dataclass

from services.status.read_model.rows import Row


@dataclass(frozen=True, kw_only=True)
class SlotRows:
    """A slot, as of the jobs that were for it."""

    slot: str
    versions: int  #: successes so far
    latest: Row | None  #: the last success
    active: Row | None
    failures: list[Row]  #: since the last success, the newest first


@dataclass(frozen=True, kw_only=True)
class SlotSnapshot:
    """Slots as they stood at one sequence of an epoch; `next` continues the list."""

    epoch: str
    sequence: int
    slots: list[SlotRows]
    next: str | None = None

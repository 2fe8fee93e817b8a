"""Snapshots for live clients, read page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from services.status.read_model.rows import Row


@dataclass(frozen=True)
class SnapshotQuery:
    """The jobs named; or, where none is, all that are not final or became so since a time."""

    project: str
    jobs: tuple[str, ...] | None
    final_since: datetime


class SnapshotCursor(NamedTuple):
    """Cursor of a snapshot."""

    is_over: bool  #: among the jobs that ended lately; they come after the open ones
    at: tuple[Any, ...]  #: the job before, by what they are ordered by; empty: at the beginning


@dataclass(frozen=True)
class SnapshotPage:
    """Some of the jobs of a snapshot, each at its latest event; `next` continues it."""

    rows: list[Row]
    next: SnapshotCursor | None

"""Rows of the read model: jobs, as lists and upkeep need them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from heliograph.contracts.records import Record


@dataclass(frozen=True)
class Row:
    """A job as of its last event."""

    sequence: int
    record: Record
    version: int | None = None  #: its number in its slot, where requested
    log_bytes: int = 0  #: of its events that are new, in the log
    last_bytes: int = 0  #: of the last one
    text: str | None = field(default=None, compare=False)  #: the record as the log has it, if known


@dataclass(frozen=True)
class Page:
    """Part of a list; `next` continues it."""

    rows: list[Row]
    next: str | None


class IdleJob(NamedTuple):
    """An open job that nothing happened to for a while. Lists of them go on after one."""

    changed_at: datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class FinishedJob:
    """A job that is over and kept, as it matters to what a project keeps."""

    id: str
    kind: str
    slot: str | None
    has_result: bool
    finished_at: datetime
    version: int | None  #: its number in its slot; null if it is not a version
    versions: int  #: how many its slot has had
    age: int  #: how many kept versions of its slot are newer
    objects: int  #: in the store, that it made
    bytes: int
    in_use: bool  #: an open job works from it, or another was given its result


class History(NamedTuple):
    """A job with events in the log that its last one has made superfluous."""

    project: str
    id: str
    sequence: int  #: of its last event; those before it are superfluous
    newest: int  #: no event before its last one is newer than this sequence

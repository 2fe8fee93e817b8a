"""
The job that clients see.

Some fields are known only at the edge that serves it (`sequence`, `links`, `position`, `progress`,
`assets[].url`); records leave them null.
"""

from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, Field

from heliograph.contracts.assets import Asset
from heliograph.contracts.job_steps import Phase, Status
from heliograph.contracts.kept_references import KeptReference
from heliograph.contracts.money import Money
from heliograph.contracts.outputs import Withheld
from heliograph.contracts.problems import Charged, Problem
from heliograph.contracts.progress import Progress
from heliograph.contracts.requests import Priority
from heliograph.contracts.tolerant_reader import Tolerant


class Cost(Tolerant):
    """Decimal strings on the wire. `actual` is null until it is known."""

    estimated: Money = Decimal(0)
    actual: Money | None = None
    currency: str = "USD"


class Links(Tolerant):
    """Absolute addresses of what can be done with a job."""

    self: str
    events: str
    live: str
    cancel: str
    retry: str


class Job(Tolerant):
    """A job as clients see it."""

    id: str
    project: str
    kind: str
    lane: str
    model: str
    provider: str
    slot: str | None
    prompt: str
    edit_prompt: str | None
    parameters: dict[str, Any]
    arguments: dict[str, Any]
    references: list[KeptReference]
    priority: Priority
    user: str | None
    tags: dict[str, str]
    status: Status
    phase: Phase | str
    detail: str | None = None
    attempt: int = 0  #: submissions so far, for people
    retry_of: str | None = None
    batch: str | None = None
    deduplicated: bool = False
    position: int | None = None  #: jobs that will start before this one, plus 1
    progress: Progress | None = None
    charged: Charged = "no"
    cost: Cost
    assets: list[Asset] = Field(default_factory=list)
    withheld: list[Withheld] = Field(default_factory=list)  #: outputs that `assets` lack
    error: Problem | None = None
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    pruned_at: AwareDatetime | None = None  #: when its results went, see `retention`
    compacted_at: AwareDatetime | None = None  #: when most of it was removed, see `compaction`
    finish_by: AwareDatetime | None = None
    revision: int  #: counts the job's events, from 1
    sequence: int | None = None  #: of the job's last event, the cursor of live clients
    links: Links | None = None

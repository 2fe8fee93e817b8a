"""
The record of a job: the job as its events carry it, and the tombstone of a subject without one.

A record is a job plus `internal`.
"""

from typing import Literal

from pydantic import AwareDatetime, Field

from heliograph.contracts.assets import Asset
from heliograph.contracts.attempts import Attempt, Takeover
from heliograph.contracts.holds import Hold, Settlement
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Job
from heliograph.contracts.outputs import Output
from heliograph.contracts.requests import KeptOnAmbiguous
from heliograph.contracts.tolerant_reader import Tolerant


class Reused(Tolerant):
    """A stored result that is given once more. Such a job never starts, and never pays."""

    job: str  #: that made it
    assets: list[Asset]


class Remains(Tolerant):
    """Remaining facts of a pruned job."""

    ended: (
        int  #: sequence of the event with which it ended: its place among the versions of its slot
    )
    assets: list[Asset]  #: its results, as they were


class Internal(Tolerant):
    """Fields of a record for services only."""

    step: Step
    run: int = 0  #: sequence of the run message of the try the facts belong to
    cancel: bool = False  #: a stop was requested
    expire: bool = False  #: its deadline passed while it may have been at the provider
    account: str  #: whose place and credential it uses
    body_digest: str  #: of the request, for its Idempotency-Key
    input_digest: str  #: of what makes the result, for a second request for the slot
    result_digest: str | None = None  #: of what the provider gets; null when that is not known yet
    style: str | None = None  #: of the project, as it was then
    after: list[str] = Field(default_factory=list)  #: jobs that must succeed before it starts
    reused: Reused | None = None
    retries: list[str] = Field(default_factory=list)  #: keys of applied in-place retries
    takeover: Takeover | None = None
    max_references: int
    on_ambiguous: KeptOnAmbiguous
    timeout_seconds: float  #: how long an attempt may run
    not_before: AwareDatetime | None = None
    unanswered: int = 0  #: starts in a row that no provider answered
    attempts: list[Attempt] = Field(default_factory=list)
    outputs: list[Output] = Field(default_factory=list)
    ended: int | None = None  #: sequence of the event that ended it, if others follow that one
    remains: Remains | None = None  #: null until it is pruned
    replaces: int | None = None  #: sequence of the event that its compaction took the place of
    is_cut: bool = False  #: its compaction took part of the request away
    reserved: Hold | None = None  #: in the budget of the project; null where it has none
    settled: Settlement | None = None  #: null until it ended, and where it cost nothing
    changed_at: AwareDatetime  #: time of the last event
    access_key: str | None = None  #: id of the API key that asked for it; null: none did
    correlation_id: str | None = None
    traceparent: str | None = None


class Record(Job):
    """A job as its events carry it: the truth."""

    internal: Internal

    @property
    def step(self) -> Step:
        return self.internal.step

    @property
    def is_version(self) -> bool:
        """Whether the job is a version of its slot: it succeeded with an output that can be shown."""
        is_made = self.slot is not None and self.step is Step.SUCCEEDED
        return is_made and not (self.stored and all(asset.undecodable for asset in self.stored))

    @property
    def runs_on(self) -> bool:
        """Whether the provider may still be working on it, although the job is over."""
        attempts = self.internal.attempts
        return self.step.is_final and bool(attempts) and attempts[-1].ended_at is None

    def ended(self, sequence: int) -> int:
        """Sequence of the event with which it ended; `sequence` is that of its last event."""
        remains = self.internal.remains
        return (remains.ended if remains else self.internal.ended) or sequence

    @property
    def stored(self) -> list[Asset]:
        """The job's assets, including pruned ones, whose objects stay while an open job refers to them."""
        remains = self.internal.remains
        return remains.assets if remains else self.assets


class Marker(Tolerant):
    """
    Tombstone of a subject without a job.

    `deduplicated`: its key stood for another job (`answer`). `fenced`: another request fenced off one
    that had claimed a slot and was never accepted (`answer` is null). Both are final.
    """

    id: str
    project: str
    marker: Literal["deduplicated", "fenced"]
    answer: str | None = None  #: the name in the log, see `other_job`
    body_digest: str | None = None
    correlation_id: str | None = None
    revision: Literal[1] = 1

    @property
    def other_job(self) -> str | None:
        """The job that the key stands for; None if the request was fenced off."""
        return self.answer

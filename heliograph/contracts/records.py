"""
What a job looks like: the job that clients see, and the record that its events carry.

A record is a job plus `internal`. Some fields of a job are known only at the edge that serves it
(`sequence`, `links`, `position`, `progress`, `assets[].url`); records leave them null.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from heliograph.contracts.money import Money
from heliograph.contracts.problems import Charged, Problem
from heliograph.contracts.requests import KeptOnAmbiguous, KeptReference, Priority
from heliograph.contracts.tolerant_reader import Tolerant


class Step(StrEnum):
    """Step of a job: the name of the last event that changed it."""

    ACCEPTED = "accepted"  #: durable, waiting in the queue
    STARTED = "started"  #: a worker has it, nothing is at the provider yet
    SUBMITTING = "submitting"  #: one POST is about to be, or was, sent
    SUBMITTED = "submitted"  #: the provider gave it an id
    SUBMIT_UNKNOWN = "submit_unknown"  #: whether the provider accepted it is unknown
    RENDERED = "rendered"  #: the provider is done, the outputs are not ours yet
    RETRY_SCHEDULED = "retry_scheduled"  #: back in the queue for another attempt
    SUCCEEDED = "succeeded"  #: final: the assets are stored
    FAILED = "failed"  #: final: see `error`
    CANCELED = "canceled"  #: final: stopped on request
    EXPIRED = "expired"  #: final: a deadline passed

    @property
    def is_final(self) -> bool:
        return self in FINAL

    @property
    def is_unsent(self) -> bool:
        """Nothing of this attempt is, or will be, at the provider."""
        return self in UNSENT


FINAL = frozenset({Step.SUCCEEDED, Step.FAILED, Step.CANCELED, Step.EXPIRED})
OPEN = frozenset(Step) - FINAL
UNSENT = frozenset({Step.ACCEPTED, Step.STARTED, Step.RETRY_SCHEDULED})

Status = Literal["queued", "running", "succeeded", "failed", "canceled", "expired"]

#: what a job is doing, for people: finer than its status. A later release may know more of them
Phase = Literal[
    "queued",
    "blocked",  #: queued, and held up by more than its turn: `detail` says what by
    "retrying",  #: queued for another attempt
    "submitting",
    "provider_queue",
    "rendering",
    "downloading",
    "storing",
    "submit_unknown",  #: whether the provider accepted it is unknown
    "canceling",
    "done",
]


class LogLine(Tolerant):
    """A line of a provider's log."""

    at: AwareDatetime
    message: str


class Progress(Tolerant):
    """Progress at a provider. Not stored: it is published beside the events."""

    percent: int | None = None  #: 0 to 100
    basis: Literal["provider", "time"] | None = None  #: the source: the provider, or the clock
    provider_position: int | None = None  #: place in the provider's own queue, 0 is next
    eta_seconds: float | None = None
    logs: list[LogLine] = Field(default_factory=list)  #: the latest few, oldest first


class Cost(Tolerant):
    """Decimal strings on the wire. `actual` is null until it is known."""

    estimated: Money = Decimal(0)
    actual: Money | None = None
    currency: str = "USD"


class Variant(Tolerant):
    """Another form of an asset, made by storage: lighter, or easier to read."""

    media_type: str
    width: int | None = None  #: pixels; null for what is not a picture
    height: int | None = None
    bytes: int
    sha256: str
    still: bool = False  #: one frame of an animated picture
    url: str | None = None


class Asset(Tolerant):
    """Stored bytes. They never change: another version is another asset."""

    id: str
    index: int  #: which of the job's outputs, from 0
    media_type: str
    width: int | None = None  #: pixels; null for what is not a picture
    height: int | None = None
    duration: float | None = None  #: seconds, of a film
    codec: str | None = None  #: of a film's pictures, as `h264`
    bytes: int
    sha256: str
    undecodable: bool = (
        False  #: begins as a picture or film, but no decoder here reads it: kept as it came
    )
    url: str | None = None
    variants: dict[str, Variant] = Field(default_factory=dict)


class Withheld(Tolerant):
    """An output that the job's assets lack."""

    index: int  #: the provider's
    reason: str  #: a `code`, as of an error: `content_policy`, `no_output`, …
    asset: Asset | None = None  #: where it is stored all the same; it has no address here


class Links(Tolerant):
    """Absolute addresses of what can be done with a job."""

    self: str
    events: str
    live: str
    cancel: str
    retry: str


class Output(Tolerant):
    """One result: at the provider (`url`), or already at storage, as it came in an answer."""

    url: str | None = None
    inline: str | None = None  #: `<job>/<sha256>`: storage has the bytes, for this job alone
    upload: str | None = None  #: `sha256:<hex>`, among the uploads; of jobs of earlier versions
    index: int | None = None  #: the provider's; null: its place in the list
    flagged: bool = False  #: by the provider: it is stored, and withheld


class SentReference(Tolerant):
    """A reference as a provider got it."""

    url: str
    digest: str  #: `sha256:<hex>` of the bytes, or of the address where the bytes are not ours


class Attempt(Tolerant):
    """One submission to a provider: written before it is sent, completed as more is known."""

    number: int  #: counted from 1; a refusal for rate does not count
    refusals: int = 0  #: of the same attempt before this one; they share one entry
    run: int  #: sequence of the run message that started it
    account: str
    endpoint: str
    prompt: str
    arguments: dict[str, Any]
    references: list[SentReference]
    price: Money
    submitting_at: AwareDatetime | None = None  #: null when an old request was taken over
    submitted_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    request_id: str | None = None  #: the provider's
    charged: Charged = "unknown"
    outcome: str | None = None  #: how it ended: an event's name, or an error's `code`
    answer: str | None = None  #: the provider's raw answer, cut to 4 KiB


class Takeover(Tolerant):
    """A request that a retry resumes from an earlier job. Such a job never submits, and never pays."""

    job: str
    account: str
    endpoint: str
    request_id: str | None = None  #: ask for this request again (retry from `poll`)
    outputs: list[Output] = Field(default_factory=list)  #: fetch these (retry from `download`)
    withheld: list[Withheld] = Field(default_factory=list)  #: outputs that were not there


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
    retries: list[str] = Field(default_factory=list)  #: keys of the in-place retries obeyed
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
    changed_at: AwareDatetime  #: time of the last event
    correlation_id: str | None = None
    traceparent: str | None = None


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


class Record(Job):
    """A job as its events carry it: the truth."""

    internal: Internal

    @property
    def step(self) -> Step:
        return self.internal.step

    @property
    def is_version(self) -> bool:
        """It filled its slot: it succeeded with something that can be shown."""
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
        """Its assets; also those it lost, whose objects stay while an open job works from them."""
        remains = self.internal.remains
        return remains.assets if remains else self.assets


class Marker(Tolerant):
    """
    Tombstone of a subject without a job.

    Either the answer to its key was another job (`answer`), or somebody fenced off a request that
    had claimed a slot and was never accepted (`answer` is null). Both are final.
    """

    id: str
    project: str
    marker: Literal["deduplicated", "fenced"]
    answer: str | None = None
    body_digest: str | None = None
    correlation_id: str | None = None
    revision: Literal[1] = 1

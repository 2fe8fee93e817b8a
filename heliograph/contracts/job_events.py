"""
Job events: what can happen to a job that was accepted, one class for each. `accepted`, `deduplicated` and
the `canceled` of a fence begin a subject: they have no class, their body is a whole `Record` or a `Marker`.

`run` says which try an event belongs to: the stream sequence of the run message that began it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from heliograph.contracts.assets import Asset
from heliograph.contracts.attempts import Bill, SentReference
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged, Problem


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """Job event: a change of a job, as it is written in the log."""

    name: ClassVar[str]  #: of the event


@dataclass(frozen=True, kw_only=True)
class Started(JobEvent):
    """A worker has the job, and a permit of the account."""

    name = "started"
    run: int


@dataclass(frozen=True, kw_only=True)
class Submitting(JobEvent):
    """The intent to submit: its writer sends the one POST of this attempt, no other process does."""

    name = "submitting"
    run: int
    endpoint: str
    prompt: str
    arguments: dict[str, Any]
    references: list[SentReference]


@dataclass(frozen=True, kw_only=True)
class Submitted(JobEvent):
    """The provider accepted the request."""

    name = "submitted"
    run: int
    request_id: str
    answer: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rendered(JobEvent):
    """The provider is done."""

    name = "rendered"
    run: int
    outputs: list[Output]
    charged: Charged = "yes"
    bill: Bill | None = None
    answer: str | None = None
    detail: str | None = None  #: what people should know about the outputs
    withheld: list[Withheld] = field(default_factory=list)  #: outputs that are not there


@dataclass(frozen=True, kw_only=True)
class RetryScheduled(JobEvent):
    """Another attempt is scheduled, not before a time."""

    name = "retry_scheduled"
    not_before: datetime
    reason: str  #: the `code` of what went wrong
    detail: str
    counted: bool = True  #: False: the attempt does not count (the provider limited the rate)
    answered: bool = True  #: False: it never reached the provider, as a process of ours died
    charged: Charged = "no"
    answer: str | None = None
    key: str | None = None  #: of the request by which a person decided it


@dataclass(frozen=True, kw_only=True)
class SubmitUnknown(JobEvent):
    """The reply to the POST is lost, and no look-up found the request."""

    name = "submit_unknown"
    run: int
    problem: Problem
    answer: str | None = None  #: what came instead of a response


@dataclass(frozen=True, kw_only=True)
class CancelRequested(JobEvent):
    """A request to stop the job, or to detach it from its slot."""

    name = "cancel_requested"
    mode: Literal["stop", "detach"]


@dataclass(frozen=True, kw_only=True)
class ExpireRequested(JobEvent):
    """`finish_by` passed while a request was, or may be, at the provider: its worker stops it."""

    name = "expire_requested"


@dataclass(frozen=True, kw_only=True)
class Succeeded(JobEvent):
    """Every output is stored. None of `withheld`: those that are missing are known already."""

    name = "succeeded"
    assets: list[Asset]
    withheld: list[Withheld] | None = None
    detail: str | None = None  #: what people should know about outputs that are not stored


@dataclass(frozen=True, kw_only=True)
class Failed(JobEvent):
    """The job failed. Paid outputs that cannot be used are stored nevertheless."""

    name = "failed"
    problem: Problem
    charged: Charged = "no"
    answer: str | None = None
    withheld: list[Withheld] | None = None
    assets: list[Asset] = field(default_factory=list)
    detail: str | None = None  #: what people should know about outputs that are not stored


@dataclass(frozen=True, kw_only=True)
class Canceled(JobEvent):
    """The job was stopped. What the provider finished anyway stays in `outputs`."""

    name = "canceled"
    charged: Charged = "no"
    bill: Bill | None = None
    outputs: list[Output] = field(default_factory=list)
    withheld: list[Withheld] | None = None  #: outputs that are not there; None: as they are known


@dataclass(frozen=True, kw_only=True)
class Expired(JobEvent):
    """A deadline passed. What the provider finished anyway stays in `outputs`."""

    name = "expired"
    problem: Problem
    charged: Charged = "no"
    bill: Bill | None = None
    outputs: list[Output] = field(default_factory=list)
    withheld: list[Withheld] | None = None  #: as of `canceled`
    answer: str | None = None
    runs_on: bool = False  #: the provider may still be working on the attempt, which stays open


@dataclass(frozen=True, kw_only=True)
class Pruned(JobEvent):
    """The project keeps the job no longer: its results are removed, its record stays."""

    name = "pruned"
    ended: int  #: sequence of the event with which the job ended


@dataclass(frozen=True, kw_only=True)
class Compacted(JobEvent):
    """The event log is nearly full, and the job ended long ago: only what has to stay does."""

    name = "compacted"
    ended: int  #: sequence of the event with which the job ended (see `Record.ended`)
    replaces: int  #: sequence of its last event


@dataclass(frozen=True, kw_only=True)
class AttemptCompleted(JobEvent):
    """
    The outcome of an attempt, learned after the job had ended.

    It completes the attempt, and what the job cost; how the job ended stays as it was.
    """

    name = "attempt_completed"
    run: int  #: of the attempt
    ended: int  #: sequence of the event with which the job ended (see `Record.ended`)
    request_id: str | None = None
    outputs: list[Output] = field(default_factory=list)
    withheld: list[Withheld] | None = None  #: as of `canceled`
    charged: Charged = "unknown"
    bill: Bill | None = None
    outcome: str | None = None  #: how the attempt ended, as in `Attempt`; None: it may still run
    answer: str | None = None

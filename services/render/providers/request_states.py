"""States of a request at a provider, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from heliograph.contracts.attempts import Bill
from heliograph.contracts.errors import JobError
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged
from heliograph.contracts.progress import Progress


@dataclass(frozen=True, kw_only=True)
class RequestQueued:
    """The request waits in the provider's queue."""

    position: int | None = None  #: 0 is next


@dataclass(frozen=True, kw_only=True)
class RequestRunning:
    """Being rendered."""

    progress: Progress


@dataclass(frozen=True, kw_only=True)
class RequestSucceeded:
    """Finished: the outputs can be fetched, or came with the response."""

    outputs: list[Output]
    withheld: list[Withheld] = field(default_factory=list)  #: outputs that are not there
    #: those that came with the response, by the names that they have in `outputs`
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    charged: Charged = "yes"
    units: Mapping[str, Decimal] = field(default_factory=dict)  #: that it bills, by its own names
    bill: Bill | None = None  #: what they cost, where they have a price
    excerpt: str | None = None  #: raw, for the audit
    usual: int = 1  #: default number of outputs of a request to the model


@dataclass(frozen=True, kw_only=True)
class RequestStopped:
    """Finished without outputs: failed, or canceled by us."""

    error: JobError
    charged: Charged
    excerpt: str | None = None


State = RequestQueued | RequestRunning | RequestSucceeded | RequestStopped

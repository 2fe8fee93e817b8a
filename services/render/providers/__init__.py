"""
Provider port: submit, poll, cancel and look up requests at hosted models.

A provider accepts a submission, is polled for its state, and ends with outputs that can be downloaded.
Each promise is checked for every adapter by one contract suite.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import JobError, ProviderUnavailable, ReferenceFailed
from heliograph.contracts.models import Media
from heliograph.contracts.outputs import Output, Withheld
from heliograph.contracts.problems import Charged
from heliograph.contracts.progress import Progress


class RateLimited(ProviderUnavailable):
    """The provider said "too fast": the request was surely not accepted, and does not count."""

    def __init__(self, detail: str | None = None, *, retry_after: float) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.seconds = retry_after


class ReferenceGone(ReferenceFailed):
    """The provider no longer has an uploaded reference; the next attempt uploads it again."""

    retryable = True


class AmbiguousSubmit(Exception):
    """It is unknown whether the provider accepted the request. Look it up; never send it again."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Submission of one attempt, with the marks by which it is found again."""

    project: str
    job: str
    run: int
    attempt: int
    model: str
    endpoint: str
    arguments: dict[str, Any]  #: in our words, raw ones among them
    references: list[SentReference]
    price: Decimal
    body: dict[str, Any]  #: what the provider gets, in its words; empty where that is not known
    at: datetime | None = None  #: NATS's time of the intent, when nothing was sent yet; if known


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that a provider accepted."""

    request_id: str
    endpoint: str
    project: str = ""
    job: str = ""  #: whose outputs they are that come inside an answer
    media: Media = "image"  #: what its model makes
    place: str | None = None  #: where its model has the outputs in an answer; None: they are found
    sent: Sequence[str] = ()  #: addresses in the request, which are no outputs


@dataclass(frozen=True, kw_only=True)
class RequestQueued:
    """In the provider's own queue."""

    position: int | None = None  #: 0 is next


@dataclass(frozen=True, kw_only=True)
class RequestRunning:
    """Being rendered."""

    progress: Progress


@dataclass(frozen=True, kw_only=True)
class RequestSucceeded:
    """Finished: the outputs can be fetched, or came with the answer."""

    outputs: list[Output]
    withheld: list[Withheld] = field(default_factory=list)  #: outputs that are not there
    #: those that came with the answer, by the names that they have in `outputs`
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    charged: Charged = "yes"
    answer: str | None = None  #: raw, for the audit
    usual: int = 1  #: outputs of a request to the model that does not say how many


@dataclass(frozen=True, kw_only=True)
class RequestStopped:
    """Finished without outputs: failed, or canceled by us."""

    error: JobError
    charged: Charged
    answer: str | None = None


State = RequestQueued | RequestRunning | RequestSucceeded | RequestStopped


@dataclass(frozen=True, kw_only=True)
class Found:
    """The provider has the request."""

    request_id: str


@dataclass(frozen=True, kw_only=True)
class Ambiguous:
    """
    Requests that say all that was sent. The one that is looked for is among them, if it is to be
    seen; those that an attempt is known to have made are others.
    """

    request_ids: tuple[str, ...]


@dataclass(frozen=True)
class NotSubmitted:
    """The provider surely never accepted it."""


@dataclass(frozen=True)
class Unknown:
    """It is not to be seen, which proves nothing."""


Sighting = Found | Ambiguous | NotSubmitted | Unknown


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The answer to a submission."""

    request_id: str
    answer: str | None = field(default=None)


class Provider(Protocol):
    """A hosted service that renders."""

    @property
    def keeps_requests(self) -> bool:
        """Whether a request whose answer was lost may be found, and its outputs be had later."""

    async def submit(self, submission: Submission) -> Accepted | RequestSucceeded | RequestStopped:
        """
        Send the request: once, or not at all. The caller bounds the time.

        Some answer at once with how it ended; there is nothing to ask them later.

        Raises:
            ProviderRejected and other JobErrors: Surely not accepted; final unless `retryable`.
            RateLimited: Surely not accepted; does not count as an attempt.
            AmbiguousSubmit: It may be accepted.
        """

    async def poll(self, request: Request) -> State:
        """
        State of a request.

        Raises:
            ProviderUnavailable: It cannot say right now; ask again.
        """

    async def cancel(self, request: Request) -> None:
        """Ask it to stop. Whether it did, the next polls say. Raises ProviderUnavailable."""

    async def look_up(self, submission: Submission) -> Sighting:
        """Whether it has the request of an attempt. Raises ProviderUnavailable."""


@dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """A file of ours that a provider keeps."""

    url: str
    ttl: float  #: seconds from now in which requests with it may be sent


@runtime_checkable
class FileHost(Protocol):
    """A provider that keeps copies of references; the others get the addresses that we have."""

    def can_fetch(self, url: str) -> bool:
        """Whether it can fetch a reference that is not ours by itself."""

    async def upload(self, media_type: str, content: bytes) -> UploadedFile:
        """
        Leave a copy there. A second one does no harm.

        Raises:
            ProviderUnavailable, AccountRefused: It did not take it.
        """


@runtime_checkable
class WebhookSender(Protocol):
    """A provider that sends webhooks. A webhook is a hint only; the request is polled."""

    def is_address(self, job: str, run: int, proof: str) -> bool:
        """Whether an address that was called is one that we gave to the provider."""

    async def verify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """
        The id of the request that a call is about; None if the provider did not send it.

        Raises:
            ProviderUnavailable: It cannot be verified right now.
        """

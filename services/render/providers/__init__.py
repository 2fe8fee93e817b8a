"""
Provider port: submit, poll, cancel and look up requests at hosted models.

A provider accepts a submission, is polled for its state, and ends with outputs that can be downloaded.
Each promise is checked for every adapter by one contract suite.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from heliograph.contracts.errors import ReferenceFailed
from heliograph.contracts.models import Media
from services.render.providers.lookup_results import LookupResult
from services.render.providers.request_states import RequestStopped, RequestSucceeded, State
from services.render.providers.submissions import Accepted, Submission


class ReferenceGone(ReferenceFailed):
    """The provider no longer has an uploaded reference; the next attempt uploads it again."""

    retryable = True


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that a provider accepted."""

    request_id: str
    endpoint: str
    project: str = ""
    job: str = ""  #: whose outputs they are that come inside a response
    media: Media = "image"  #: what its model makes
    location: str | None = None  #: path of the outputs in a response; None: they are searched for
    sent: Sequence[str] = ()  #: addresses in the request, which are no outputs


class Provider(Protocol):
    """A hosted service that renders."""

    @property
    def can_look_up_requests(self) -> bool:
        """Whether a request with a lost response can be looked up, and its outputs downloaded later."""

    async def submit(self, submission: Submission) -> Accepted | RequestSucceeded | RequestStopped:
        """
        Send the request: once, or not at all. The caller bounds the time.

        Inline providers return the final state at once; their requests cannot be polled later.

        Raises:
            ProviderRejected and other JobErrors: The request was surely not accepted; final unless `retryable`.
            RateLimited: The request was surely not accepted; the submission does not count as an attempt.
            AmbiguousSubmit: The request may have been accepted.
        """

    async def poll(self, request: Request) -> State:
        """
        State of a request.

        Raises:
            ProviderUnavailable: The state of the request cannot be read at the moment; poll again.
        """

    async def cancel(self, request: Request) -> None:
        """Cancel the request. The next polls show whether it stopped. Raises ProviderUnavailable."""

    async def look_up(self, submission: Submission) -> LookupResult:
        """Look up the request of an attempt at the provider. Raises ProviderUnavailable."""


@dataclass(frozen=True, kw_only=True)
class UploadedFile:
    """A file of ours that a provider keeps."""

    url: str
    ttl: float  #: seconds from now in which requests with it may be sent


@runtime_checkable
class FileHost(Protocol):
    """A provider that keeps copies of references; other providers get our addresses."""

    def can_fetch(self, url: str) -> bool:
        """Whether the provider can fetch a reference that is not ours."""

    async def upload(self, media_type: str, content: bytes) -> UploadedFile:
        """
        Upload a copy. Uploading twice does no harm.

        Raises:
            ProviderUnavailable, AccountRefused: It did not take it.
        """


@runtime_checkable
class WebhookSender(Protocol):
    """A provider that sends webhooks. A webhook is a hint only; the request is polled."""

    def is_valid_token(self, job: str, run: int, token: str) -> bool:
        """Whether a webhook URL that was called is one that we gave to the provider."""

    async def verify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """
        The request id of a call; None if the provider did not send the call.

        Raises:
            ProviderUnavailable: The webhook cannot be verified at the moment.
        """

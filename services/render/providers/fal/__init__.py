"""
The fal provider: submits to fal's queue once, polls the request by its id, and trusts its result.

fal has no idempotency keys: a POST that is sent twice is paid twice. So neither this adapter nor fal's
client repeats a submission, and a request that may have been accepted is looked up, not sent again.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fal_client import AsyncRequestHandle, Completed, Queued, Status

from heliograph.contracts.errors import ProviderProtocol, ProviderRejected, ProviderUnavailable
from heliograph.contracts.models import Model
from heliograph.contracts.problems import ProviderNote
from heliograph.runtime.fetching.public_hosts import may_be_public
from services.render.providers import Request, UploadedFile
from services.render.providers.candidates import is_recognizable
from services.render.providers.fal.client import FalClient, translated
from services.render.providers.fal.errors import account_error, raise_for_submission, report_of
from services.render.providers.fal.options import FalOptions
from services.render.providers.fal.outputs import outcome
from services.render.providers.fal.progress import ProgressLog, place_in_queue
from services.render.providers.fal.request_lookup import find_requests
from services.render.providers.fal.result_failures import Failure, classify, unknown_request
from services.render.providers.fal.upload import upload
from services.render.providers.fal.webhook_signatures import WebhookSignatures
from services.render.providers.fal.webhook_urls import WebhookUrls
from services.render.providers.http_errors import (
    ConnectFailed,
    HttpErrorStatus,
    MalformedResponse,
    ResponseLost,
)
from services.render.providers.lookup_results import Ambiguous, Unknown
from services.render.providers.no_retry_transport import WITH_OUTPUTS
from services.render.providers.request_states import (
    RequestQueued,
    RequestRunning,
    RequestStopped,
    State,
)
from services.render.providers.response_content import response_excerpt
from services.render.providers.submissions import Accepted, AmbiguousSubmit, Submission

_UPLOAD_LIMIT = 15.0  #: seconds for a reference
_QUEUED = 3600  #: seconds that a reference is kept for a request that waits in fal's queue
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ENDPOINT = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+")


class FalProvider:
    """`Provider` and `FileHost` at fal, with one key. `models` are those of the catalog, by name."""

    can_look_up_requests = True

    def __init__(
        self,
        key: str,
        models: Mapping[str, Model],
        options: FalOptions | None = None,
    ) -> None:
        self._options = options or FalOptions()
        self._client = FalClient(key, self._options.base_url)
        self._webhook_urls = WebhookUrls(key, self._options.public_url)
        self._webhook_signatures = WebhookSignatures(self._client)
        self._models = models
        self._progress_log = ProgressLog()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def submit(self, submission: Submission) -> Accepted:
        is_known = submission.model in self._models
        if not is_known or not _ENDPOINT.fullmatch(submission.endpoint):
            raise ProviderRejected(f"{submission.model} is not a known fal model")
        try:
            with translated():
                handle = await self._client.submit(
                    submission.endpoint,
                    submission.body,
                    webhook_url=self._webhook_urls.url(submission.job, submission.run),
                    priority=self._options.priority,
                    start_timeout=self._options.start_timeout,
                    headers=self._headers(),
                )
        except ConnectFailed as error:
            raise ProviderUnavailable(str(error), provider=ProviderNote(name="fal")) from error
        except ResponseLost as error:
            raise AmbiguousSubmit(str(error)) from error
        except HttpErrorStatus as error:
            raise_for_submission(error.response)
        name: object = handle.request_id  # the library's type is not reliable
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AmbiguousSubmit("fal returned no valid request id")
        return Accepted(request_id=name)

    def _headers(self) -> dict[str, str]:
        options, headers = self._options, {}
        if not options.fallback:
            headers["X-App-Fal-Disable-Fallback"] = "true"
        if options.start_timeout:
            headers["X-Fal-Request-Start-Timeout"] = str(options.start_timeout)
        if options.lifetime:
            lifetime = json.dumps({"expiration_duration_seconds": options.lifetime})
            headers["X-Fal-Object-Lifecycle-Preference"] = lifetime
        return headers

    def can_fetch(self, url: str) -> bool:
        return may_be_public(urlsplit(url).hostname or "")

    async def upload(self, media_type: str, content: bytes) -> UploadedFile:
        life = self._options.upload_ttl
        try:
            async with asyncio.timeout(_UPLOAD_LIMIT):
                url = await upload(self._client, media_type, content, keep=life + _QUEUED)
        except TimeoutError:
            raise ProviderUnavailable("fal did not accept a reference in time") from None
        except HttpErrorStatus as error:
            report = report_of(error.response)
            reason = account_error(report) or ProviderUnavailable(report.text)
            raise reason from error
        except (ConnectFailed, ResponseLost) as error:
            raise ProviderUnavailable(f"fal did not accept a reference: {error}") from error
        return UploadedFile(url=url, ttl=life)

    def is_valid_token(self, job: str, run: int, token: str) -> bool:
        return self._webhook_urls.is_valid_token(job, run, token)

    async def verify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        async with self._asking():
            return await self._webhook_signatures.verify(headers, body)

    async def poll(self, request: Request) -> State:
        if not _is_ours(request):
            return _ended(unknown_request(request.request_id))
        async with self._asking():
            handle = await self._client.get_handle(request.endpoint, request.request_id)
            try:
                with translated():
                    status = await handle.status(with_logs=True)
            except HttpErrorStatus as error:
                return _without_status(request, error)
            if not isinstance(status, Completed):
                return self._going(request, status)
            return await self._result(request, handle)

    def _going(self, request: Request, status: Status) -> RequestQueued | RequestRunning:
        if isinstance(status, Queued):
            return RequestQueued(position=place_in_queue(status.position))
        logs = getattr(status, "logs", None)
        lines = logs if isinstance(logs, list) else []
        return RequestRunning(progress=self._progress_log.update(request.request_id, lines))

    async def _result(self, request: Request, handle: AsyncRequestHandle) -> State:
        """Result of a completed request."""
        try:
            response = await self._client.send("GET", handle.response_url, **WITH_OUTPUTS)
        except MalformedResponse as error:
            note = ProviderNote(name="fal", request_id=request.request_id)
            return RequestStopped(
                error=ProviderProtocol(str(error), provider=note), charged="unknown"
            )
        except HttpErrorStatus as error:
            reason = classify(error.response, request.request_id)
            return _ended(reason, response_excerpt(error.response))
        return outcome(response, request, handle.response_url)

    async def cancel(self, request: Request) -> None:
        if not _is_ours(request):
            return
        async with self._asking():
            try:
                with translated():
                    await self._client.cancel(request.endpoint, request.request_id)
            except HttpErrorStatus as error:
                if error.response.status_code not in (400, 404):  # already over, or unknown
                    raise

    async def look_up(self, submission: Submission) -> Ambiguous | Unknown:
        if not is_recognizable(submission):
            return Unknown()
        async with self._asking():
            with translated():
                names = await find_requests(self._client, submission, submission.body)
        named = tuple(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))
        return Ambiguous(request_ids=named) if named else Unknown()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """
        Translate errors of an idempotent, free request.

        Raises:
            ProviderUnavailable: The request failed.
        """
        try:
            async with asyncio.timeout(self._options.poll_limit):
                yield
        except TimeoutError:
            raise ProviderUnavailable("fal does not answer") from None
        except (ConnectFailed, ResponseLost) as error:
            raise ProviderUnavailable(str(error)) from error
        except HttpErrorStatus as error:
            report = report_of(error.response)
            reason = account_error(report)
            raise ProviderUnavailable(report.text) from reason or error


def _is_ours(request: Request) -> bool:
    """Names that can be part of an address at fal, and of nothing else."""
    return bool(_NAME.fullmatch(request.request_id) and _ENDPOINT.fullmatch(request.endpoint))


def _without_status(request: Request, error: HttpErrorStatus) -> RequestStopped:
    """The error of an unreadable status: fal has deleted the request, or another error occurred."""
    if error.response.status_code not in (404, 410):
        raise error
    return _ended(unknown_request(request.request_id))


def _ended(reason: Failure, excerpt: str | None = None) -> RequestStopped:
    return RequestStopped(error=reason.error, charged=reason.charged, excerpt=excerpt)

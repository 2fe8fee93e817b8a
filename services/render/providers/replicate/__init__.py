"""
The Replicate provider: makes a prediction once, polls it by its id, and trusts its status.

It speaks HTTP itself. Replicate's own client waits for a new prediction without any limit of time,
cannot read the status `aborted`, and was last released for Pythons that are going out of use; and only five
of its requests are needed.

Replicate has no idempotency keys: a request that may have been accepted is looked up, not sent again.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from heliograph.contracts.errors import ProviderRejected, ProviderUnavailable
from heliograph.contracts.models import Model
from heliograph.contracts.problems import ProviderNote
from heliograph.runtime.fetching.public_hosts import may_be_public
from services.render.providers import Request, UploadedFile
from services.render.providers.candidates import is_recognizable
from services.render.providers.error_report import ErrorReport
from services.render.providers.http import ProviderHttp
from services.render.providers.http_errors import ConnectFailed, HttpErrorStatus, ResponseLost
from services.render.providers.lookup_results import Ambiguous, Unknown
from services.render.providers.no_retry_transport import WITH_OUTPUTS
from services.render.providers.replicate.errors import account_error, raise_for_submission
from services.render.providers.replicate.options import ReplicateOptions
from services.render.providers.replicate.predictions import state_of, unknown_prediction
from services.render.providers.replicate.request_lookup import find_predictions
from services.render.providers.replicate.upload import upload
from services.render.providers.request_states import State
from services.render.providers.response_content import json_or_none, response_excerpt
from services.render.providers.submissions import Accepted, AmbiguousSubmit, Submission

BASE_URL = "https://api.replicate.com"
READ = 30.0  #: seconds
_UPLOAD_LIMIT = 15.0  #: seconds for a reference
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ENDPOINT = re.compile(r"([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)(?::([0-9a-f]{64}))?")


class ReplicateProvider:
    """`Provider` and `FileHost` at Replicate, with one token. `models` are those of the catalog, by name."""

    can_look_up_requests = True

    def __init__(
        self,
        token: str,
        models: Mapping[str, Model],
        options: ReplicateOptions | None = None,
    ) -> None:
        self._options = options or ReplicateOptions()
        base_url = (self._options.base_url or BASE_URL).rstrip("/")
        self._http = ProviderHttp(base_url, {"Authorization": f"Bearer {token}"}, read=READ)
        self._models = models
        self._base_url = base_url

    async def aclose(self) -> None:
        await self._http.aclose()

    async def submit(self, submission: Submission) -> Accepted:
        endpoint = _ENDPOINT.fullmatch(submission.endpoint)
        if submission.model not in self._models or endpoint is None:
            raise ProviderRejected(f"{submission.model} is not a known Replicate model")
        body: dict[str, Any] = {"input": submission.body}
        path, version = f"/v1/models/{endpoint[1]}/predictions", endpoint[2]
        if version:
            path, body["version"] = "/v1/predictions", version
        try:
            response = await self._http.send("POST", path, json=body)
        except ConnectFailed as error:
            note = ProviderNote(name="replicate")
            raise ProviderUnavailable(str(error), provider=note) from error
        except ResponseLost as error:
            raise AmbiguousSubmit(str(error)) from error
        except HttpErrorStatus as error:
            raise_for_submission(error.response)
        prediction = json_or_none(response)
        name = prediction.get("id") if isinstance(prediction, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AmbiguousSubmit("Replicate returned no prediction id")
        return Accepted(request_id=name, excerpt=response_excerpt(response))

    def can_fetch(self, url: str) -> bool:
        return may_be_public(urlsplit(url).hostname or "")

    async def upload(self, media_type: str, content: bytes) -> UploadedFile:
        try:
            async with asyncio.timeout(_UPLOAD_LIMIT):
                return await upload(self._http, media_type, content)
        except TimeoutError:
            raise ProviderUnavailable("Replicate did not accept a reference in time") from None
        except HttpErrorStatus as error:
            report = ErrorReport.of(error.response, "Replicate")
            raise account_error(report) or ProviderUnavailable(report.text) from error
        except (ConnectFailed, ResponseLost) as error:
            raise ProviderUnavailable(f"Replicate did not accept a reference: {error}") from error

    async def poll(self, request: Request) -> State:
        if not _NAME.fullmatch(request.request_id):
            return unknown_prediction(request.request_id)
        async with self._asking():
            try:
                response = await self._http.send("GET", _address_of(request), **WITH_OUTPUTS)
            except HttpErrorStatus as error:
                if error.response.status_code not in (404, 410):
                    raise
                return unknown_prediction(request.request_id)
            return state_of(response, request, self._base_url)

    async def cancel(self, request: Request) -> None:
        if not _NAME.fullmatch(request.request_id):
            return
        async with self._asking():
            try:
                await self._http.send("POST", f"{_address_of(request)}/cancel")
            except HttpErrorStatus as error:
                if error.response.status_code not in (404, 409, 410, 422):  # over, or unknown
                    raise

    async def look_up(self, submission: Submission) -> Ambiguous | Unknown:
        if not is_recognizable(submission):
            return Unknown()
        async with self._asking():
            names = await find_predictions(self._http, submission, submission.body)
        named = tuple(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))
        return Ambiguous(request_ids=named) if named else Unknown()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Translate errors of an idempotent request: all are transient."""
        try:
            async with asyncio.timeout(self._options.poll_limit):
                yield
        except TimeoutError:
            raise ProviderUnavailable("Replicate does not answer") from None
        except (ConnectFailed, ResponseLost) as error:
            raise ProviderUnavailable(str(error)) from error
        except HttpErrorStatus as error:
            report = ErrorReport.of(error.response, "Replicate")
            raise ProviderUnavailable(report.text) from account_error(report) or error


def _address_of(request: Request) -> str:
    return f"/v1/predictions/{request.request_id}"

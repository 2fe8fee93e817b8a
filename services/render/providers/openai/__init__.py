"""
The OpenAI provider: images from OpenAI, or from any compatible server.

It speaks HTTP itself: OpenAI's own client repeats what it believes lost unless told otherwise, brings
an HTTP stack of its own that our transport does not fit, and all that is needed of it is one POST.

The response comes with the outputs, inside it or as addresses. No request is kept: a response that is
lost cannot be requested again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from heliograph.contracts.errors import (
    OutputExpired,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.models import Model
from heliograph.contracts.problems import ProviderNote
from services.render.providers import Request
from services.render.providers.billed_units import units_in
from services.render.providers.error_report import error_within
from services.render.providers.http import ProviderHttp
from services.render.providers.http_errors import ConnectFailed, HttpErrorStatus, ResponseLost
from services.render.providers.lookup_results import Unknown
from services.render.providers.no_retry_transport import MAX_OUTPUTS
from services.render.providers.openai.errors import classify
from services.render.providers.openai.outputs import audit_excerpt
from services.render.providers.output_entries import Search
from services.render.providers.request_states import RequestStopped, RequestSucceeded, State
from services.render.providers.response_content import json_or_none
from services.render.providers.response_outcome import outcome_of
from services.render.providers.response_outputs import find_outputs
from services.render.providers.submissions import AmbiguousSubmit, Submission

BASE_URL = "https://api.openai.com/v1"
READ = 600.0  #: seconds; callers use shorter limits


@dataclass(frozen=True, kw_only=True)
class OpenAIOptions:
    """Operator's options of OpenAI."""

    base_url: str | None = None  #: with its `/v1`; None: OpenAI


class OpenAIProvider:
    """
    `Provider` at one server.

    Args:
        key: None for a server that needs none.
        models: Those of the catalog, by name.
    """

    can_look_up_requests = False

    def __init__(
        self,
        key: str | None,
        models: Mapping[str, Model],
        options: OpenAIOptions | None = None,
    ) -> None:
        base_url = ((options and options.base_url) or BASE_URL).rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = ProviderHttp(base_url, headers, read=READ, max_response=MAX_OUTPUTS)
        self._base_url = base_url
        self._models = models

    async def aclose(self) -> None:
        await self._http.aclose()

    async def submit(self, submission: Submission) -> RequestSucceeded | RequestStopped:
        if submission.model not in self._models or not submission.endpoint:
            raise ProviderRejected(f"{submission.model} is not a known model")
        try:
            response = await self._http.send("POST", "images/generations", json=submission.body)
        except ConnectFailed as error:
            raise ProviderUnavailable(str(error), provider=ProviderNote(name="openai")) from error
        except ResponseLost as error:
            raise AmbiguousSubmit(str(error)) from error
        except HttpErrorStatus as error:
            return classify(error.response)
        return self._kept(submission, response)

    def _kept(
        self, submission: Submission, response: httpx.Response
    ) -> RequestSucceeded | RequestStopped:
        """The state of a successful response."""
        body = json_or_none(response)
        if not isinstance(body, dict | list):
            raise AmbiguousSubmit("the server returned no valid response")
        model = self._models[submission.model]
        location = model.wire.outputs or "data"
        search = Search(media=model.media, location=location, base_url=f"{self._base_url}/")
        return outcome_of(
            find_outputs(body, search),
            job=submission.job,
            note=ProviderNote(name="openai", request_id=response.headers.get("x-request-id")),
            units=units_in(body.get("usage")) if isinstance(body, dict) else {},
            excerpt=audit_excerpt(body),
            report=error_within(body),
        )

    async def poll(self, request: Request) -> State:
        gone = OutputExpired("no requests are kept there", provider=ProviderNote(name="openai"))
        return RequestStopped(error=gone, charged="unknown")

    async def cancel(self, request: Request) -> None:
        """Do nothing: the provider keeps no requests."""

    async def look_up(self, submission: Submission) -> Unknown:
        return Unknown()

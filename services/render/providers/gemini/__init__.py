"""
The Gemini provider: one request, whose response contains the outputs.

Google's client is used with a transport of ours, so nothing is sent twice. Gemini keeps no requests:
a lost response cannot be requested again, and is never replaced by a second submission.
"""

from collections.abc import Mapping
from typing import Any

import httpx
from google import genai
from google.genai import types
from google.genai.errors import APIError, UnknownApiResponseError

from heliograph.contracts.errors import (
    JobError,
    OutputExpired,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.models import Model
from heliograph.contracts.problems import ProviderNote
from heliograph.contracts.scenes import Story
from heliograph.runtime.fetching.certificates import ssl_context
from services.render.providers import Request
from services.render.providers.gemini.errors import classify
from services.render.providers.gemini.options import BASE_URL, GeminiOptions
from services.render.providers.gemini.responses import (
    Outputs,
    audit_excerpt,
    billed_tokens,
    images_in,
    is_flagged,
    parse_story,
    was_billed,
)
from services.render.providers.gemini.transport import GeminiTransport
from services.render.providers.http_errors import ConnectFailed, HttpErrorStatus, ResponseLost
from services.render.providers.lookup_results import Unknown
from services.render.providers.no_retry_transport import MAX_OUTPUTS
from services.render.providers.output_entries import OutputEntry
from services.render.providers.request_states import RequestStopped, RequestSucceeded, State
from services.render.providers.response_outcome import outcome_of
from services.render.providers.submissions import AmbiguousSubmit, Submission

READ = 600.0  #: seconds; callers use shorter limits


class GeminiProvider:
    """`Provider` at Gemini, with one key. `models` are those of the catalog, by name."""

    can_look_up_requests = False

    def __init__(
        self,
        key: str,
        models: Mapping[str, Model],
        options: GeminiOptions | None = None,
    ) -> None:
        base_url = ((options and options.base_url) or BASE_URL).rstrip("/")
        transport = GeminiTransport(base_url, read=READ, max_response=MAX_OUTPUTS)
        self._http = httpx.AsyncClient(transport=transport, trust_env=False)
        self._unused = httpx.Client(
            verify=ssl_context(), trust_env=False
        )  # or Google's client makes one of its own
        self._client = genai.Client(
            api_key=key,
            vertexai=False,  # overrides the environment
            http_options=types.HttpOptions(
                base_url=base_url,
                httpx_client=self._unused,
                httpx_async_client=self._http,
                async_client_args={"ssl": ssl_context()},
            ),
        )
        self._models = models

    async def aclose(self) -> None:
        await self._http.aclose()
        self._unused.close()

    async def submit(self, submission: Submission) -> RequestSucceeded | RequestStopped:
        model = self._models.get(submission.model)
        if model is None or not submission.endpoint:
            raise ProviderRejected(f"{submission.model} is not a known Gemini model")
        is_text = model.media == "text"
        response = await self._ask(submission.endpoint, submission.body, is_text)
        if isinstance(response, RequestStopped):
            return response
        note = ProviderNote(name="gemini", request_id=response.response_id)
        made = parse_story(response, note) if is_text else images_in(response, note)
        return self._kept(submission, made, response)

    async def _ask(
        self, endpoint: str, body: dict[str, Any], is_text: bool
    ) -> types.GenerateContentResponse | RequestStopped:
        config = types.GenerateContentConfig(
            **body["config"], response_schema=Story if is_text else None
        )
        try:
            return await self._client.aio.models.generate_content(
                model=endpoint, contents=body["contents"], config=config
            )
        except ConnectFailed as error:
            raise ProviderUnavailable(str(error), provider=ProviderNote(name="gemini")) from error
        except ResponseLost as error:
            raise AmbiguousSubmit(str(error)) from error
        except HttpErrorStatus as error:
            return classify(error.response)
        except (
            APIError,
            UnknownApiResponseError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
        ) as error:
            raise AmbiguousSubmit(
                f"Gemini's response does not match its schema: {error!r}"
            ) from error

    def _kept(
        self,
        submission: Submission,
        made: Outputs | JobError,
        response: types.GenerateContentResponse,
    ) -> RequestSucceeded | RequestStopped:
        """The state of a successful response."""
        is_story = self._models[submission.model].media == "text"
        excerpt = audit_excerpt(response, words=not is_story or isinstance(made, JobError))
        if isinstance(made, JobError):
            return RequestStopped(error=made, charged=was_billed(response), excerpt=excerpt)
        flagged = is_flagged(response)
        return outcome_of(
            [OutputEntry(index=n, content=each, flagged=flagged) for n, each in enumerate(made)],
            job=submission.job,
            note=ProviderNote(name="gemini", request_id=response.response_id),
            units=billed_tokens(response),
            excerpt=excerpt,
        )

    async def poll(self, request: Request) -> State:
        gone = OutputExpired("Gemini keeps no requests", provider=ProviderNote(name="gemini"))
        return RequestStopped(error=gone, charged="unknown")

    async def cancel(self, request: Request) -> None:
        """Do nothing: the provider keeps no requests."""

    async def look_up(self, submission: Submission) -> Unknown:
        return Unknown()

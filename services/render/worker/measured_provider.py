"""Provider calls, measured and traced: seconds by step, and errors by code."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Counter, Histogram

from heliograph.contracts.errors import JobError
from heliograph.runtime.tracing import span, untraced
from services.render.providers import Provider, Request
from services.render.providers.lookup_results import LookupResult
from services.render.providers.request_states import RequestStopped, RequestSucceeded, State
from services.render.providers.submissions import Accepted, AmbiguousSubmit, Submission

_Call = Literal["submit", "poll", "cancel", "look_up"]

_SECONDS = Histogram(
    "heliograph_provider_seconds",
    "Seconds of a provider call",
    ["provider", "model", "step"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120),
)
_ERRORS = Counter(
    "heliograph_provider_errors",
    "Provider calls that failed, and requests that the provider stopped, by error code",
    ["provider", "code"],
)
_AMBIGUOUS = "ambiguous"  #: the reply to a submission was lost


@dataclass(frozen=True, kw_only=True)
class MeasuredProvider:
    """A `Provider` that measures each call for a model, traces all but polls, and changes nothing."""

    name: str
    model: str
    provider: Provider

    @property
    def can_look_up_requests(self) -> bool:
        return self.provider.can_look_up_requests

    async def submit(self, submission: Submission) -> Accepted | RequestSucceeded | RequestStopped:
        with span(f"{self.name} submit"), self._measured("submit"):
            result = await self.provider.submit(submission)
        self._count_stop(result)
        return result

    async def poll(self, request: Request) -> State:
        with untraced(), self._measured("poll"):
            state = await self.provider.poll(request)
        self._count_stop(state)
        return state

    async def cancel(self, request: Request) -> None:
        with span(f"{self.name} cancel"), self._measured("cancel"):
            await self.provider.cancel(request)

    async def look_up(self, submission: Submission) -> LookupResult:
        with span(f"{self.name} look_up"), self._measured("look_up"):
            return await self.provider.look_up(submission)

    @contextmanager
    def _measured(self, step: _Call) -> Iterator[None]:
        """A call that is canceled is measured as well: it took that long without a response."""
        began = time.monotonic()
        try:
            yield
        except AmbiguousSubmit:
            self._count_error(_AMBIGUOUS)
            raise
        except JobError as error:
            self._count_error(error.code)
            raise
        finally:
            taken = time.monotonic() - began
            _SECONDS.labels(self.name, self.model, step).observe(taken)

    def _count_stop(self, state: Accepted | State) -> None:
        if isinstance(state, RequestStopped):
            self._count_error(state.error.code)

    def _count_error(self, code: str) -> None:
        _ERRORS.labels(self.name, code).inc()

"""
The sim provider: renders real placeholder pictures, needs no key, and fails on request.

What it accepted is a record on disk, not a coroutine: the record is the acceptance and the charge,
created if absent by job and run; how far a request is follows from the clock, and its result from
the record. So any render process serves it, and a killed one resumes it, like any hosted service.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    NoOutput,
    ProviderProtocol,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.outputs import Output
from heliograph.contracts.payloads.sim import SimArguments
from heliograph.contracts.problems import ProviderNote
from heliograph.contracts.sim import SimRecord
from heliograph.runtime.clock import now
from services.render.providers import Request
from services.render.providers.lookup_results import Found, NotSubmitted, Unknown
from services.render.providers.request_states import (
    RequestRunning,
    RequestStopped,
    RequestSucceeded,
    State,
)
from services.render.providers.sim.progress import progress_of
from services.render.providers.sim.request_store import SimRequestStore, request_id
from services.render.providers.submissions import Accepted, AmbiguousSubmit, RateLimited, Submission

_LOST = ("lost_reply", "found_reply")
_REMOVE_EVERY = 3600.0  #: seconds


class SimProvider:
    """`Provider` on this machine. `base_url` is where its results are served."""

    can_look_up_requests = True

    def __init__(self, home: Path, base_url: str) -> None:
        self.records = SimRequestStore(home)
        self._base_url = base_url

    async def remove_old_records(self, kept: timedelta) -> None:
        """Apply the retention of records once an hour. Runs until canceled."""
        while True:
            await asyncio.to_thread(self.records.remove_older, kept.total_seconds())
            await asyncio.sleep(_REMOVE_EVERY)

    async def submit(self, submission: Submission) -> Accepted:
        """Writes one short file: a thread would take twice as long."""
        try:
            arguments = SimArguments.model_validate(submission.body)
        except ValidationError as error:
            raise ProviderRejected(_first_reason(error), provider=_note()) from None
        self._refuse(submission.job, arguments.fault)
        self.records.accept(
            SimRecord(
                request_id=request_id(submission.job, submission.run),
                project=submission.project,
                job=submission.job,
                run=submission.run,
                attempt=submission.attempt,
                model=submission.model,
                prompt=arguments.prompt,
                arguments=submission.body,
                references=[reference.digest for reference in submission.references],
                price=str(submission.price),
                at=now(),
                fault=arguments.fault,
            )
        )
        if arguments.fault in _LOST:
            raise AmbiguousSubmit
        return Accepted(request_id=request_id(submission.job, submission.run))

    def _refuse(self, job: str, fault: str | None) -> None:
        """Faults before acceptance."""
        if fault == "reject":
            raise ProviderRejected("the sim was told to reject this", provider=_note())
        if fault == "rate_limited" and self.records.count(f"{job}.submits", 1):
            raise RateLimited("the sim provider simulates a rate limit", retry_after=1.0)
        if fault == "unavailable" and self.records.count(f"{job}.submits", 2):
            raise ProviderUnavailable("the sim was told to be unavailable", provider=_note())

    async def poll(self, request: Request) -> State:
        name = request.request_id
        record = self.records.find(name)  # one short file: a thread would take longer
        if record is None:
            return RequestStopped(
                error=ProviderProtocol("the sim knows no such request"), charged="unknown"
            )
        arguments = SimArguments.model_validate(record.arguments)
        if self.records.is_canceled(name):
            return RequestStopped(error=JobError("stopped on request"), charged="yes")
        elapsed = max(0.0, (now() - record.at).total_seconds())  # clocks are put back
        if arguments.fault == "hang" or elapsed < arguments.seconds:
            return RequestRunning(progress=progress_of(record, arguments, elapsed))
        error = _FAILURES.get(arguments.fault or "")
        if error:
            return RequestStopped(error=error(provider=_note(name)), charged="yes")
        count = arguments.num_images if record.model in ("sim/picture", "sim/edit") else 1
        return RequestSucceeded(
            outputs=[Output(url=self._url(name, index)) for index in range(count)]
        )

    def _url(self, name: str, index: int) -> str:
        return f"{self._base_url}/sim/{name}/{index}"

    async def cancel(self, request: Request) -> None:
        state = await self.poll(request)
        if isinstance(state, RequestRunning):
            await asyncio.to_thread(self.records.cancel, request.request_id)

    async def look_up(self, submission: Submission) -> Found | NotSubmitted | Unknown:
        if submission.arguments.get("fault") == "lost_reply":
            return Unknown()
        name = request_id(submission.job, submission.run)
        record = await asyncio.to_thread(self.records.find, name)
        return Found(request_id=name) if record else NotSubmitted()


_FAILURES: dict[str, type[JobError]] = {
    "policy": ContentPolicy,
    "garbage": ProviderProtocol,
    "no_output": NoOutput,
}


def _note(name: str | None = None) -> ProviderNote:
    return ProviderNote(name="sim", request_id=name)


def _first_reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"

"""What people do: ask for jobs, ask again, cancel, try again. Each coroutine is one process."""

from collections.abc import Collection, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal, cast

from heliograph.contracts.errors import HeliographError
from heliograph.contracts.projects import Defaults
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.retry_requests import RetryFrom, RetryRequest
from heliograph.runtime.budgets.job_budgets import NoBudgets
from services.gateway.idempotency import identify_request
from services.gateway.jobs.acceptance import AcceptResult, JobAcceptance
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.enrichment import RecordBuilder
from services.gateway.jobs.quote_signer import QuoteSigner
from services.gateway.jobs.references import ReferenceValidator
from services.gateway.jobs.result_cache import ResultCache, is_cached_for
from services.gateway.jobs.service import JobService
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.limits.queue_quota import QueueQuota
from services.gateway.slots.versions import SlotService
from tests.simulation.processes import current, gate
from tests.simulation.scenario import PlannedRequest
from tests.simulation.state import PROJECT, ClientResponse, State
from tests.simulation.virtual_time import BEGIN
from tests.support.quotas import no_quotas
from tests.support.records import CURRENT_CATALOG, a_request

_NONE = cast(Any, None)  #: a part that no request of ours needs
_PRICE = "0.01"
_MANY = 1_000  #: jobs; more than a schedule has


class NoDefaults:
    """`DefaultsSource` of a project that fills in nothing."""

    async def defaults(self, project: str) -> Defaults:
        return Defaults()


class Stored(ResultCache):
    """Stored results, as a read model that is up to date knows them."""

    def __init__(self, state: State) -> None:
        super().__init__(state.events, _NONE, timeout=0)
        self._state = state

    async def _find(self, project: str, digest: str | None) -> Record | None:
        await gate("find result")
        made = (each for each in self._state.records() if each.internal.reused is None)
        return next((each for each in made if is_cached_for(each, project, digest or "")), None)


class Held(NoBudgets):
    """Budgets in which every job fits."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def complete(self, project: str, jobs: Collection[str]) -> bool:
        return await self._state.events.complete(project, jobs)


class Clients:
    """Everybody who sends requests, and the gateway that answers them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._cancellation = JobCancellation(
            events=state.events, work=state.work, notify=state.hint
        )
        records = RecordBuilder(
            catalog=CURRENT_CATALOG,
            events=state.events,
            projects=NoDefaults(),
            slots=SlotService(state.slots, _NONE, _NONE),
            references=ReferenceValidator(state.events, _NONE),
            quotes=QuoteSigner(_NONE),
            results=Stored(state),
        )
        self._jobs = JobService(
            events=state.events,
            work=state.work,
            acceptance=JobAcceptance(
                events=state.events, work=state.work, slots=state.slots, budgets=Held(state)
            ),
            cancellation=self._cancellation,
            records=records,
            log_capacity=EventLogCapacity(_NONE, _NONE, high_watermark=1),
            queue_quota=QueueQuota(_NONE, limit=_MANY, project_limit=_MANY),
            quota_admission=no_quotas(),
        )
        self._requests = {
            planned: self._request(planned) for planned in state.scenario.planned_requests
        }

    async def send(self, planned: PlannedRequest) -> None:
        """`POST /jobs`."""
        request = self._requests[planned]
        identity = identify_request(PROJECT, planned.key)
        await self._respond(request.digest(), self._jobs.submit(request, identity))

    async def cancel(self, job: str, mode: Literal["stop", "detach"]) -> None:
        """`POST /jobs/{job}/cancel`."""
        with suppress(HeliographError):  # the job is over, or the bus is away
            await self._cancellation.cancel(job, mode)

    async def retry(self, job: str, from_: RetryFrom | None) -> None:
        """`POST /jobs/{job}/retry`."""
        retry = RetryRequest.model_validate({"from": from_})
        again = self._jobs.retry(job, current().key, retry)
        await self._respond(f"retry of {job} from {from_}", again)

    async def _respond(self, body: str, work: Coroutine[Any, Any, AcceptResult]) -> None:
        """What the gateway says in the end."""
        key = current().key
        again = key in self._state.responses
        try:
            acceptance = await work
            status, job = 200 if acceptance.deduplicated else 202, acceptance.job.id
        except HeliographError as error:
            status, job = error.status or 500, ""
        await gate("answer", status)
        self._state.news.responses.append(ClientResponse(key, body, status, job, again))

    def _request(self, planned: PlannedRequest) -> JobRequest:
        return a_request(
            prompt=planned.body,
            slot=planned.slot or None,
            replace=planned.replaces,
            after=[self._state.job(key) for key in planned.after],
            reuse=planned.reuses,
            parameters={"price": _PRICE},
            finish_by=BEGIN + timedelta(seconds=planned.within) if planned.within else None,
            on_ambiguous=self._on_ambiguous(),
        )

    def _on_ambiguous(self) -> dict[str, str]:
        if self._state.scenario.gives_up:
            return {"action": "fail"}
        if self._state.scenario.resubmits:
            return {"action": "resubmit", "below": _PRICE}
        return {"action": "ask"}

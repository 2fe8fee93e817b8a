"""A render worker with one hosted provider, on a bus in memory: what becomes of whole jobs."""

import asyncio
from functools import cache
from typing import Any, cast

from heliograph.contracts.attempts import Takeover
from heliograph.contracts.catalog import Catalog, provider_of
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_events import CancelRequested
from heliograph.contracts.job_steps import Step
from heliograph.contracts.limits import LaneLimit
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.clock import now
from heliograph.testing.account_permits import MemoryAccountPermits
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.work_queue import MemoryWorkQueue
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.first_record import build_record
from services.render.providers import Provider
from services.render.references.resolver import ReferenceResolver
from services.render.settings import RenderSettings
from services.render.worker.context import Worker
from services.render.worker.progress import ProgressPublisher
from services.render.worker.run import run_job
from services.render.worker.wakeups import WakeUps
from tests.support.emulation.memory_spool import MemorySpool
from tests.support.records import CATALOG, some_project
from tests.support.worker_doubles import MemoryOutputReceiver, MemoryRequestIndex

_NONE = cast(Any, None)  #: a part that a job without references does not need
_SHORT: dict[str, Any] = {
    "ack_wait": 0.2,
    "submit_limit": 1.0,
    "backoff_min": 0.05,
    "backoff_max": 0.05,
    "poll_min": 0.02,
    "poll_max": 0.1,
}


def _with(name: str, answers_within: float | None) -> Catalog:
    model = CATALOG.models[name].model_copy(update={"answers_within": answers_within})
    return CATALOG.model_copy(update={"models": {**CATALOG.models, name: model}})


class _OpenLanes:
    async def limit(self, lane: str) -> LaneLimit:
        return LaneLimit(cap=CATALOG.lanes[lane].cap)


@cache
def _settings(**settings: Any) -> RenderSettings:
    """Those of many rigs are the same, and reading them takes 50 ms."""
    return RenderSettings(**settings)


async def _nobody_listens(subject: str, body: bytes = b"") -> None:
    """A hint that is not heard."""


class WorkerRig:
    """
    Takes jobs for one model, and delivers their messages one after the other.

    Where the model's answer comes with its outputs, it is waited for `answers_within` seconds; None:
    as long as for others.
    """

    def __init__(
        self,
        provider: Provider,
        model: str,
        *,
        answers_within: float | None = None,
        **settings: Any,
    ) -> None:
        self.events, self.work = MemoryEventLog(), MemoryWorkQueue()
        self._model = model
        self.context = Worker(
            events=self.events,
            work=self.work,
            accounts=MemoryAccountPermits(cap=10),
            lanes=_OpenLanes(),
            providers={provider_of(model): provider},
            requests=MemoryRequestIndex(self.events),
            spool=MemorySpool(),
            output_uploader=MemoryOutputReceiver(),
            references=ReferenceResolver(
                events=self.events, request=_NONE, urls=_NONE, upload_cache=_NONE
            ),
            catalog=CurrentCatalog(_with(model, answers_within)),
            reporter=ProgressPublisher(_nobody_listens, every=60),
            wakeups=WakeUps(),
            settings=_settings(**{**_SHORT, **settings}),
        )

    async def do(self, prompt: str, takeover: Takeover | None = None, **parameters: Any) -> Record:
        """
        A new job with this prompt, as it is left when nothing is left to do for it.

        Args:
            takeover: What it takes over, if it is a retry that costs nothing.
        """
        record = accepted_job(self._model, prompt, **parameters)
        internal = record.internal.model_copy(update={"takeover": takeover})
        return await self.run(record.model_copy(update={"internal": internal}))

    async def run(self, record: Record) -> Record:
        """A job as it was accepted, as it is left when nothing is left to do for it."""
        await append_event(self.events, "accepted", record, 0)
        await self.work.enqueue(ticket_for(record))
        return await self.go_on(record.id)

    async def go_on(self, job: str) -> Record:
        """A job that waits in the queue, as it is left when it does so no more."""
        while job in self.work.queue:
            await self._wait_for_its_time(job)
            sequence, ticket = self.work.queue[job]
            await self.work.move(ticket, sequence)
            message = self.work.messages[-1]
            await run_job(self.context, ticket.project, job, message.sequence)
            self.work.ack(message)
        return self.now(job)

    async def stop(self, job: str) -> None:
        """Request a stop while it is worked on."""
        latest = self.events.latest(job)
        assert latest
        await transition(self.events, latest, CancelRequested(mode="stop"))
        self.context.wakeups.notify(job)

    def now(self, job: str) -> Record:
        latest = self.events.latest(job)
        assert latest
        return latest.record

    def steps(self, job: str) -> list[str]:
        """The names of a job's events, in order."""
        return [entry.event.name for entry in self.events.of(job)]

    async def _wait_for_its_time(self, job: str) -> None:
        record = self.now(job)
        if record.step is Step.RETRY_SCHEDULED and record.internal.not_before:
            seconds = (record.internal.not_before - now()).total_seconds()
            await asyncio.sleep(max(0.0, seconds))


def accepted_job(model: str, prompt: str, **parameters: Any) -> Record:
    """A job as the gateway accepts it."""
    kind = "scenes" if CATALOG.models[model].media == "text" else "image"
    request = JobRequest(kind=kind, prompt=prompt, model=model, parameters=parameters)
    identity = RequestIdentity(project=some_project(), job=new_job_id(), key="k")
    return build_record(request, identity, CATALOG, now())

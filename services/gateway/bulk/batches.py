"""Batches: jobs that are asked for together, and refused together."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from heliograph.contracts import subjects
from heliograph.contracts.batches import BatchRequest
from heliograph.contracts.errors import HeliographError, NotFound, SlotBusy, Unavailable, Unreadable
from heliograph.contracts.ids import batch_id
from heliograph.contracts.queries.read_model import FindJobs, FoundJobs
from heliograph.contracts.records import Marker, Record, Status
from heliograph.runtime.bus import Entry, EventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.queries import ask
from services.gateway.bulk.admission import Admitter, Asked, Drafts, place_of
from services.gateway.bulk.items import Item, outcome_of, problem_at
from services.gateway.bulk.plans import Plan, Plans, side_by_side
from services.gateway.jobs.service import Desk

_MOST_RETRIES = 5_000  #: of the jobs of a batch that are looked for


@dataclass(frozen=True, kw_only=True)
class Result:
    """A batch, as it is now."""

    id: str
    project: str
    items: list[Item]

    @property
    def is_replayed(self) -> bool:
        """Whether everything was there before."""
        return all(item.outcome in ("replayed", "skipped") for item in self.items)

    @property
    def counts(self) -> dict[Status, int]:
        asked = (item for item in self.items if item.outcome != "skipped")
        return Counter(item.entry.record.status for item in asked if item.entry)


class Batches:
    """Takes requests for batches."""

    def __init__(
        self, events: EventLog, desk: Desk, admitter: Admitter, plans: Plans, jetstream: JetStream
    ) -> None:
        self._events = events
        self._desk = desk
        self._admitter = admitter
        self._plans = plans
        self._jetstream = jetstream

    async def ask(
        self,
        project: str,
        wanted: BatchRequest,
        key: str | None,
        *,
        traceparent: str | None = None,
    ) -> Result:
        """
        The jobs of a batch. A mistake in one refuses all.

        Should one be refused all the same, because its slot was taken in that moment, the others go
        on: the item says so, and the request can be sent again.

        Raises:
            NotAdmitted: Nothing was made; change the request.
            IdempotencyKeyReused: The key stands for another body; use a new one.
            ServiceError: Send it again, with its key.
        """
        name = batch_id(project, key)
        asked = Asked(project=project, wanted=wanted, key=key, traceparent=traceparent, id=name)
        plan = await self._plans.find(name) if key else None
        drafts: Drafts = {}
        if plan is None:
            plan, drafts = await self._admitter.admit(asked)
        plan.check(wanted.digest())
        carry = partial(self._carry_out, asked, plan, drafts)
        items = await side_by_side(carry(index) for index in range(len(plan.jobs)))
        await self._note_filled(plan, items)
        return Result(id=plan.id, project=project, items=items)

    async def read(self, name: str) -> Result:
        """A batch as it is now. Raises NotFound and Unavailable."""
        plan = await self._plans.find(name)
        if plan is None:
            raise NotFound(f"there is no batch {name}")
        latest = await self._latest_tries(plan)
        items = await side_by_side(
            self._look_up(plan, index, latest) for index in range(len(plan.jobs))
        )
        return Result(id=plan.id, project=plan.project, items=items)

    async def _carry_out(self, asked: Asked, plan: Plan, drafts: Drafts, index: int) -> Item:
        if index in plan.skipped:
            return Item(outcome="skipped", entry=await self._last(plan.jobs[index]))
        request, draft = asked.wanted.jobs[index], drafts.get(index)
        order = self._admitter.order(asked, index, asked.caller(index, plan), counted=False)
        if draft and draft.id == order.job:

            async def drafted() -> Record:
                return draft

            order = replace(order, draft=drafted)
        try:
            acceptance = await self._desk.accept(order, replace=request.replace)
        except Unavailable:
            raise
        except HeliographError as error:
            if asked.wanted.only_missing and isinstance(error, SlotBusy) and error.job:
                return Item(outcome="skipped", entry=await self._last(error.job))
            return Item(outcome="refused", problem=problem_at(place_of(index), error))
        return Item(outcome=outcome_of(acceptance), entry=acceptance.entry)

    async def _note_filled(self, plan: Plan, items: list[Item]) -> None:
        """What was taken in the moment in which it was to be made is skipped from now on."""
        late = {
            index: item.entry.record.id
            for index, item in enumerate(items)
            if item.outcome == "skipped" and item.entry and index not in plan.skipped
        }
        if late:
            await self._plans.leave_out(plan.id, late)

    async def _latest_tries(self, plan: Plan) -> dict[str, str]:
        """Which job of the batch was tried again, and by which."""
        question = FindJobs(project=plan.project, batch=plan.id, retries=True, limit=_MOST_RETRIES)
        answer = await ask(self._jetstream, subjects.QUERY_FIND, question)
        found = FoundJobs.model_validate_json(answer).jobs
        # the newest come first: turned round, of several tries of one job the newest is kept
        return {each.retry_of: each.id for each in reversed(found) if each.retry_of}

    async def _look_up(self, plan: Plan, index: int, latest: dict[str, str]) -> Item:
        """What became of an item, and how its job is now."""
        if index in plan.skipped:
            return Item(outcome="skipped", entry=await self._last(plan.jobs[index]))
        try:
            entry = await self._events.last(last_of(latest, plan.jobs[index]))
        except Unreadable as error:
            return Item(outcome="refused", problem=problem_at(place_of(index), error))
        if entry and isinstance(entry.body, Marker) and entry.body.answer:
            other = await self._last(entry.body.answer)
            return Item(outcome="deduplicated", entry=other)
        if entry and isinstance(entry.body, Record):
            return Item(outcome="accepted", entry=entry)
        missing = NotFound("there is no job; send the batch again, with its key, to try it again")
        return Item(outcome="refused", problem=problem_at(place_of(index), missing))

    async def _last(self, job: str) -> Entry | None:
        """A job to be shown. One that cannot be read is not, and keeps no other from it."""
        with suppress(Unreadable):
            return await self._events.last(job)
        return None


def last_of(latest: dict[str, str], job: str) -> str:
    """The last try that began with a job."""
    while job in latest:
        job = latest[job]
    return job

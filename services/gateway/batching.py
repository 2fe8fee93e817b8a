"""Batches: jobs that are asked for together, and refused together."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from heliograph.contracts import subjects
from heliograph.contracts.batches import BatchItem, BatchProblem, BatchRequest
from heliograph.contracts.errors import (
    HeliographError,
    ModelUnavailable,
    NotFound,
    RequestError,
    SlotBusy,
    Unavailable,
    ValidationFailed,
)
from heliograph.contracts.names import batch_id, new_job_id
from heliograph.contracts.problems import Problem
from heliograph.contracts.queries import FilledSlots, FindFilled, FindJobs, FoundJobs
from heliograph.contracts.records import Marker, Record, Status
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.jetstream import JetStream
from services.gateway.accepting import Acceptor, Order
from services.gateway.asking import Desk, caller
from services.gateway.drafting import Caller
from services.gateway.itemizing import Item, outcome_of, problem_at
from services.gateway.limiting import Backlog
from services.gateway.planning import Plan, Plans, side_by_side
from services.gateway.reading import ask

_MOST_RETRIES = 5_000  #: of the jobs of a batch that are looked for

Drafts = dict[int, Record]  #: first records that were checked, by item


class NotAdmitted(HeliographError):
    """Some jobs of a batch cannot be made, so that none was."""

    def __init__(self, refused: dict[int, HeliographError]) -> None:
        self.refused = refused
        [(index, first), *others] = refused.items()
        rest = f"; so are {len(others)} others" if others else ""
        super().__init__(f"job {index} is refused: {first}{rest}")

    def problem(self, *, instance: str | None = None, trace_id: str | None = None) -> Problem:
        """The problem of the first, with the mistakes of all of them."""
        first = next(iter(self.refused.values())).problem(instance=instance, trace_id=trace_id)
        problems = {
            index: problem_at(place_of(index), error) for index, error in self.refused.items()
        }
        told = first.model_dump() | {
            "detail": str(self),
            "errors": [each for problem in problems.values() for each in problem.errors],
        }
        items = [BatchItem(index=i, outcome="refused", problem=p) for i, p in problems.items()]
        return BatchProblem(**told, items=items)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What is known of an item before it is accepted: one of these, or nothing."""

    record: Record | None = None  #: the first of its job
    error: HeliographError | None = None  #: why it is refused
    filled_by: str | None = None  #: the job that its slot was taken by in this moment


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


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request for a batch, and who sent it."""

    project: str
    wanted: BatchRequest
    key: str | None
    traceparent: str | None
    id: str

    def caller(self, index: int, plan: Plan | None = None) -> Caller:
        """Who asks for an item. Without a key, its job is named by the plan."""
        if self.key:
            return caller(self.project, f"{self.key}/{index}", traceparent=self.traceparent)
        who = caller(self.project, None, traceparent=self.traceparent)
        job = plan.jobs[index] if plan else new_job_id()
        # the answer to the item, should it be another job, has to be found again
        return replace(who, job=job, comes_again=True)


class Batches:
    """Takes requests for batches."""

    def __init__(
        self,
        events: EventLog,
        desk: Desk,
        acceptor: Acceptor,
        backlog: Backlog,
        plans: Plans,
        jetstream: JetStream,
    ) -> None:
        self._events = events
        self._desk = desk
        self._acceptor = acceptor
        self._backlog = backlog
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
            plan, drafts = await self._admit(asked)
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

    async def _admit(self, asked: Asked) -> tuple[Plan, Drafts]:
        """The plan for a new batch, and the first records of its jobs."""
        refused = doubled(asked.wanted) | unplaced(asked.wanted)
        if refused:
            raise NotAdmitted(dict(sorted(refused.items())))
        filled = await self._filled(asked) if asked.wanted.only_missing else {}
        wanted = [i for i in range(len(asked.wanted.jobs)) if i not in filled]
        orders = {i: self._order(asked, i, asked.caller(i), counted=True) for i in wanted}
        checked = await side_by_side(self._check(asked, i, each) for i, each in orders.items())
        found = dict(zip(orders, checked, strict=True))
        refused = {i: each.error for i, each in found.items() if each.error}
        if refused:
            raise NotAdmitted(refused)
        filled |= {i: each.filled_by for i, each in found.items() if each.filled_by}
        drafts = {i: each.record for i, each in found.items() if each.record}
        waiting = sum(not each.internal.reused for each in drafts.values())
        self._backlog.admit(asked.project, waiting)
        jobs = [filled[i] if i in filled else orders[i].job for i in range(len(asked.wanted.jobs))]
        plan = Plan(
            id=asked.id,
            project=asked.project,
            digest=asked.wanted.digest(),
            jobs=jobs,
            skipped=sorted(filled),
        )
        return await self._plans.keep(plan), drafts

    async def _filled(self, asked: Asked) -> dict[int, str]:
        """The items whose slot needs nothing, and by which job it is filled."""
        slots = {i: request.slot for i, request in enumerate(asked.wanted.jobs) if request.slot}
        question = FindFilled(project=asked.project, slots=list(slots.values()))
        answer = await ask(self._jetstream, subjects.QUERY_FILLED, question)
        jobs = FilledSlots.model_validate_json(answer).jobs
        return {i: jobs[slot] for i, slot in slots.items() if slot in jobs}

    def _order(self, asked: Asked, index: int, who: Caller, *, counted: bool) -> Order:
        """What an item comes to."""
        order = self._desk.order(asked.wanted.jobs[index], who, counted=counted)

        async def drafted() -> Record:
            return (await order.draft()).model_copy(update={"batch": asked.id})

        return replace(order, draft=drafted)

    async def _check(self, asked: Asked, index: int, order: Order) -> Checked:
        try:
            return Checked(record=await self._acceptor.check(order))
        except SlotBusy as busy:
            if asked.wanted.only_missing and busy.job:
                return Checked(filled_by=busy.job)
            return Checked(error=None if asked.wanted.jobs[index].replace else busy)
        except (RequestError, ModelUnavailable) as error:
            return Checked(error=error)

    async def _carry_out(self, asked: Asked, plan: Plan, drafts: Drafts, index: int) -> Item:
        if index in plan.skipped:
            return Item(outcome="skipped", entry=await self._events.last(plan.jobs[index]))
        request, draft = asked.wanted.jobs[index], drafts.get(index)
        order = self._order(asked, index, asked.caller(index, plan), counted=False)
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
                return Item(outcome="skipped", entry=await self._events.last(error.job))
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
            return Item(outcome="skipped", entry=await self._events.last(plan.jobs[index]))
        entry = await self._events.last(last_of(latest, plan.jobs[index]))
        if entry and isinstance(entry.body, Marker) and entry.body.answer:
            other = await self._events.last(entry.body.answer)
            return Item(outcome="deduplicated", entry=other)
        if entry and isinstance(entry.body, Record):
            return Item(outcome="accepted", entry=entry)
        error = NotFound("there is no job; send the batch again, with its key, to try it again")
        return Item(outcome="refused", problem=problem_at(place_of(index), error))


def doubled(wanted: BatchRequest) -> dict[int, HeliographError]:
    """Items that want a slot which an earlier one fills: only one of them could be its version."""
    refused: dict[int, HeliographError] = {}
    first: dict[str, int] = {}
    for index, request in enumerate(wanted.jobs):
        if request.slot is None:
            continue
        earlier = first.setdefault(request.slot, index)
        if earlier != index:
            refused[index] = ValidationFailed.at("/slot", f"job {earlier} fills it already")
    return refused


def unplaced(wanted: BatchRequest) -> dict[int, HeliographError]:
    """Items of which nobody can say whether they are missing."""
    if not wanted.only_missing:
        return {}
    nowhere = [i for i, request in enumerate(wanted.jobs) if request.slot is None]
    return {i: ValidationFailed.at("/slot", "only_missing needs one") for i in nowhere}


def place_of(index: int) -> str:
    """Where an item is in the request."""
    return f"/jobs/{index}"


def last_of(latest: dict[str, str], job: str) -> str:
    """The last try that began with a job."""
    while job in latest:
        job = latest[job]
    return job

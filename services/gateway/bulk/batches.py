"""Batches: many jobs submitted in one request, all or none, and idempotent as a whole."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from heliograph.contracts.batches import BatchRequest
from heliograph.contracts.errors import (
    HeliographError,
    NotFound,
    OverBudget,
    SlotBusy,
    TooManyJobs,
    Unavailable,
    Unreadable,
)
from heliograph.contracts.id_generation import batch_id
from heliograph.contracts.queries.jobs import FindJobs
from heliograph.contracts.records import Marker
from heliograph.runtime.budgets.job_budgets import JobBudgets, PlanHolder
from heliograph.runtime.bus import EventLog, RequestReply
from heliograph.runtime.bus.log_entries import LogEntry
from services.gateway.bulk.admission import BatchAdmission
from services.gateway.bulk.batch_result import BatchResult, latest_retry
from services.gateway.bulk.batch_submission import BatchSubmission, Drafts, item_pointer
from services.gateway.bulk.bounded_gather import gather_bounded
from services.gateway.bulk.items import ItemResult, outcome_of, problem_at
from services.gateway.bulk.plans import Plan, PlanStore
from services.gateway.jobs.service import JobService

_MAX_RETRIES = 5_000  #: of the jobs of a batch that are looked for


@dataclass(frozen=True, kw_only=True)
class BatchService:
    """Submits and reads batches."""

    events: EventLog
    jobs: JobService
    admission: BatchAdmission
    plans: PlanStore
    budgets: JobBudgets
    request: RequestReply

    async def submit(
        self,
        project: str,
        request: BatchRequest,
        key: str | None,
        *,
        traceparent: str | None = None,
        access_key: str | None = None,
    ) -> BatchResult:
        """
        The jobs of a batch. A mistake in one refuses all.

        If one is refused later, because its slot was taken meanwhile, the others continue: the item says
        so, and the request can be sent again.

        Raises:
            BatchRejected: Some requests are refused, and no job was created; change the request.
            IdempotencyKeyReused: The key was used with another body; the caller must use a new key.
            ServiceError: A service is not available; repeat the request with its key.
        """
        name = batch_id(project, key)
        submission = BatchSubmission(
            project=project,
            request=request,
            key=key,
            traceparent=traceparent,
            access_key=access_key,
            id=name,
            holder=PlanHolder.new(project, name),
        )
        try:
            return await self._submit(submission)
        finally:
            await self.budgets.release_plan(submission.holder)

    async def _submit(self, submission: BatchSubmission) -> BatchResult:
        plan = await self._known_plan(submission)
        drafts: Drafts = {}
        if plan is None:
            plan, drafts = await self._admit(submission)
        plan.check(submission.request.digest())
        carry = partial(self._carry_out, submission, plan, drafts)
        items = await gather_bounded(carry(index) for index in range(len(plan.jobs)))
        await self._skip_filled_slots(plan, items)
        return BatchResult(id=plan.id, project=plan.project, items=items)

    async def _known_plan(self, submission: BatchSubmission) -> Plan | None:
        """The plan of an earlier request with the same key. Its hold is still for its jobs."""
        plan = await self.plans.find(submission.id) if submission.key else None
        if plan:
            await self.budgets.join_plan(submission.holder, plan.jobs, submission.users)
        return plan

    async def _admit(self, submission: BatchSubmission) -> tuple[Plan, Drafts]:
        try:
            return await self.admission.admit(submission)
        except (OverBudget, TooManyJobs):
            plan = await self._known_plan(submission)  # the same request was faster
            if plan is None:
                raise
            return plan, {}

    async def read(self, name: str) -> BatchResult:
        """A batch as it is now. Raises NotFound and Unavailable."""
        plan = await self.plans.find(name)
        if plan is None:
            raise NotFound(f"there is no batch {name}")
        latest = await self._latest_tries(plan)
        items = await gather_bounded(
            self._look_up(plan, index, latest) for index in range(len(plan.jobs))
        )
        return BatchResult(id=plan.id, project=plan.project, items=items)

    async def _carry_out(
        self, submission: BatchSubmission, plan: Plan, drafts: Drafts, index: int
    ) -> ItemResult:
        if index in plan.skipped:
            return ItemResult(outcome="skipped", entry=await self._last(plan.jobs[index]))
        identity, draft = submission.identity(index, plan), drafts.get(index)
        prepared = draft if draft and draft.id == identity.job else None
        try:
            result = await self.jobs.submit(
                submission.request.jobs[index], identity, prepared=prepared
            )
        except Unavailable:
            raise
        except HeliographError as error:
            if submission.request.only_missing and isinstance(error, SlotBusy) and error.job:
                return ItemResult(outcome="skipped", entry=await self._last(error.job))
            return ItemResult(outcome="refused", problem=problem_at(item_pointer(index), error))
        return ItemResult(outcome=outcome_of(result), entry=result.entry)

    async def _skip_filled_slots(self, plan: Plan, items: list[ItemResult]) -> None:
        """Mark items whose slot was filled meanwhile as skipped."""
        late = {
            index: item.entry.record.id
            for index, item in enumerate(items)
            if item.outcome == "skipped" and item.entry and index not in plan.skipped
        }
        if late:
            await self.plans.mark_skipped(plan.id, late)

    async def _latest_tries(self, plan: Plan) -> dict[str, str]:
        """The latest retry of each retried job of the batch."""
        query = FindJobs(project=plan.project, batch=plan.id, retries=True, limit=_MAX_RETRIES)
        retries = (await self.request(query)).jobs
        # the newest come first: turned round, of several tries of one job the newest is kept
        return {each.retry_of: each.id for each in reversed(retries) if each.retry_of}

    async def _look_up(self, plan: Plan, index: int, latest: dict[str, str]) -> ItemResult:
        """Outcome of an item, with its job as it is now."""
        if index in plan.skipped:
            return ItemResult(outcome="skipped", entry=await self._last(plan.jobs[index]))
        try:
            entry = await self.events.last(latest_retry(latest, plan.jobs[index]))
        except Unreadable as error:
            return ItemResult(outcome="refused", problem=problem_at(item_pointer(index), error))
        if entry and isinstance(entry.body, Marker) and entry.body.other_job:
            other = await self._last(entry.body.other_job)
            return ItemResult(outcome="deduplicated", entry=other)
        if entry and entry.as_job():
            return ItemResult(outcome="accepted", entry=entry)
        missing = NotFound("there is no job; send the batch again, with its key, to try it again")
        return ItemResult(outcome="refused", problem=problem_at(item_pointer(index), missing))

    async def _last(self, job: str) -> LogEntry | None:
        """The last event of a job; None for one that cannot be read, which does not block the others."""
        with suppress(Unreadable):
            return await self.events.last(job)
        return None

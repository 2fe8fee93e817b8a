"""Bulk actions: retry or cancel every job that matches a filter."""

from dataclasses import dataclass
from functools import partial

from heliograph.contracts.actions import (
    APPLIES_TO,
    MAX_JOBS,
    ActionRequest,
    CancelPreview,
    RetryPreview,
)
from heliograph.contracts.errors import (
    HeliographError,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    StateConflict,
    Unavailable,
    ValidationFailed,
)
from heliograph.contracts.id_generation import action_id
from heliograph.contracts.queries.jobs import FindJobs
from heliograph.runtime.bus import EventLog, RequestReply
from services.gateway.bulk.bounded_gather import gather_bounded
from services.gateway.bulk.bulk_action import BulkAction, BulkActionResult, ItemAction
from services.gateway.bulk.items import ItemResult, outcome_of, problem_at
from services.gateway.bulk.plans import Plan, PlanStore
from services.gateway.bulk.preview_rules import (
    already_requested,
    cancel_outcome,
    pointer_to_job,
    retry_request,
)
from services.gateway.bulk.previews import BulkPreview
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.lookup import load_job
from services.gateway.jobs.service import JobService


@dataclass(frozen=True, kw_only=True)
class BulkActions:
    """Applies actions to many jobs."""

    events: EventLog
    jobs: JobService
    cancellation: JobCancellation
    previews: BulkPreview
    plans: PlanStore
    request: RequestReply

    async def preview(self, project: str, request: ActionRequest) -> RetryPreview | CancelPreview:
        """
        Dry run of an action, with its cost.

        Raises:
            ValidationFailed: The action can never apply to jobs that match the filter.
            ServiceError: A service is not available; try again.
        """
        jobs, more = await self._matching(project, request)
        if request.action == "retry":
            return await self.previews.retry(project, request, jobs, more=more)
        return await self.previews.cancel(project, request, jobs, more=more)

    async def act(
        self,
        project: str,
        request: ActionRequest,
        key: str | None,
        *,
        access_key: str | None = None,
    ) -> BulkActionResult:
        """
        Apply the action to each job. A job that refuses does not prevent the others. A retry pays only with
        `from: submit`: without it, a job that can only be submitted again refuses, with its price.

        Raises:
            ValidationFailed: The action can never apply to jobs that match the filter.
            IdempotencyKeyRequired: The action costs money, and the request has no key.
            IdempotencyKeyReused: The key was used with another body; the caller must use a new key.
            ServiceError: A service is not available; repeat the request with its key.
        """
        before = await self.plans.find(action_id(project, key)) if key else None
        plan = before or await self._plan(project, request, key)
        plan.check(request.digest())
        act = BulkAction(
            request=request,
            plan=plan,
            key=key,
            is_replayed=before is not None,
            access_key=access_key,
        )
        do = partial(self._retry if request.action == "retry" else self._cancel, act)
        items = await gather_bounded(self._tried(act, index, do) for index in range(len(plan.jobs)))
        return BulkActionResult(act=act, items=items)

    async def _plan(self, project: str, request: ActionRequest, key: str | None) -> Plan:
        """Which jobs it is about, once and for all where the request can come again."""
        jobs, more = await self._matching(project, request)
        name = action_id(project, key) if key else ""
        plan = Plan(
            id=name,
            project=project,
            digest=request.digest(),
            jobs=jobs,
            more=more,
            asks_consent=True,
        )
        if key:
            return await self.plans.create_or_get(plan)
        if request.from_ == "submit" and await self.previews.is_paid(project, request, jobs):
            raise IdempotencyKeyRequired
        return plan

    async def _matching(self, project: str, request: ActionRequest) -> tuple[list[str], bool]:
        """The selected jobs, and whether the filter matches more."""
        if request.filter is None:
            return request.ids or [], False
        possible = APPLIES_TO[request.action]
        if request.filter.status not in (None, *possible):
            reason = f"a {request.action} is for jobs that are {' or '.join(possible)}"
            raise ValidationFailed.at("/filter/status", reason)
        query = FindJobs(
            project=project,
            statuses=list(possible),
            untried=request.action == "retry",
            settled=True,
            limit=MAX_JOBS,
            **request.filter.model_dump(),
        )
        page = await self.request(query)
        return [each.id for each in page.jobs], page.more

    async def _tried(self, act: BulkAction, index: int, do: ItemAction) -> ItemResult:
        try:
            return await do(index, act.plan.jobs[index])
        except Unavailable:
            raise
        except HeliographError as error:
            problem = problem_at(pointer_to_job(act.request, index), error)
            return ItemResult(outcome="refused", problem=problem)

    async def _retry(self, act: BulkAction, index: int, job: str) -> ItemResult:
        await load_job(self.events, job, project=act.plan.project)
        own = f"{act.key}/{index}" if act.key else None
        if act.request.filter:
            # of two simultaneous actions on the same jobs, one retries each of them
            own = f"{job}/again"
        may_pay = not act.plan.asks_consent
        try:
            accepted = await self.jobs.retry(
                job, own, retry_request(act.request), may_pay=may_pay, access_key=act.access_key
            )
        except IdempotencyKeyReused:
            raise StateConflict("another request tries it again, from another step") from None
        return ItemResult(outcome=outcome_of(accepted), entry=accepted.entry)

    async def _cancel(self, act: BulkAction, _: int, job: str) -> ItemResult:
        entry = await load_job(self.events, job, project=act.plan.project)
        record, mode = entry.record, act.request.mode
        if act.is_replayed and already_requested(record, mode):
            return ItemResult(outcome="replayed", entry=entry)
        if cancel_outcome(record, mode) == "skipped":
            return ItemResult(outcome="skipped", entry=entry)
        canceled, changed = await self.cancellation.cancel(job, mode)
        return ItemResult(outcome="accepted" if changed else "skipped", entry=canceled)

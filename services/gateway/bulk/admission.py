"""Admission of a batch: every item is validated before any job is accepted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heliograph.contracts.batches import BatchItem, BatchProblem, BatchRequest
from heliograph.contracts.errors import (
    HeliographError,
    ModelUnavailable,
    RequestError,
    SlotBusy,
    ValidationFailed,
)
from heliograph.contracts.problems import Problem
from heliograph.contracts.queries.slots import FindOccupiedSlots
from heliograph.contracts.records import Record
from heliograph.runtime.bus import RequestReply
from services.gateway.bulk.items import problem_at
from services.gateway.bulk.plans import Plan, PlanStore, gather_bounded
from services.gateway.idempotency import RequestIdentity, identify_request
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.jobs.service import JobService

Drafts = dict[int, Record]  #: first records that were checked, by item


class BatchRejected(HeliographError):
    """Some jobs of a batch cannot be made, so that none was."""

    def __init__(self, refused: Mapping[int, HeliographError]) -> None:
        self.refused = refused
        [(index, first), *others] = refused.items()
        count = "is another" if len(others) == 1 else f"are {len(others)} others"
        rest = f"; so {count}" if others else ""
        super().__init__(f"job {index} is refused: {first}{rest}")

    def problem(self, *, instance: str | None = None, trace_id: str | None = None) -> Problem:
        """The problem of the first, with the mistakes of all of them."""
        first = next(iter(self.refused.values())).problem(instance=instance, trace_id=trace_id)
        problems = {
            index: problem_at(item_pointer(index), error) for index, error in self.refused.items()
        }
        fields = first.model_dump() | {
            "detail": str(self),
            "errors": [each for problem in problems.values() for each in problem.errors],
        }
        items = [BatchItem(index=i, outcome="refused", problem=p) for i, p in problems.items()]
        return BatchProblem(**fields, items=items)


@dataclass(frozen=True, kw_only=True)
class BatchSubmission:
    """A request for a batch, and its identity."""

    project: str
    request: BatchRequest
    key: str | None
    traceparent: str | None
    id: str

    def identity(self, index: int, plan: Plan | None = None) -> RequestIdentity:
        """The request identity of an item. Without a key, the plan names its job."""
        key = f"{self.key}/{index}" if self.key else None
        own = identify_request(self.project, key, traceparent=self.traceparent)
        if key is None and plan:
            own = replace(own, job=plan.jobs[index])
        # the answer to the item, should it be another job, has to be found again
        return replace(own, is_repeatable=True, batch=self.id)


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """Result of checking an item before it is accepted: at most one field is set."""

    record: Record | None = None  #: the first of its job
    error: HeliographError | None = None  #: why it is refused
    filled_by: str | None = None  #: the job that its slot was taken by in this moment


@dataclass(frozen=True, kw_only=True)
class BatchAdmission:
    """Admits batches, or refuses them, as a whole."""

    jobs: JobService
    acceptance: JobAcceptance
    plans: PlanStore
    request: RequestReply

    async def admit(self, submission: BatchSubmission) -> tuple[Plan, Drafts]:
        """
        The plan for a new batch, and the first records of its jobs.

        Raises:
            BatchRejected: Some of them cannot be made.
            ServiceError: There is no room for all of them, or a service does not answer.
        """
        refused = duplicate_slots(submission.request) | missing_slots(submission.request)
        if refused:
            raise BatchRejected(dict(sorted(refused.items())))
        filled = await self._filled(submission) if submission.request.only_missing else {}
        missing = [i for i in range(len(submission.request.jobs)) if i not in filled]
        identities = {i: submission.identity(i) for i in missing}
        checked = await gather_bounded(
            self._check(submission, i, own) for i, own in identities.items()
        )
        found = dict(zip(identities, checked, strict=True))
        refused = {i: each.error for i, each in found.items() if each.error}
        if refused:
            raise BatchRejected(refused)
        filled |= {i: each.filled_by for i, each in found.items() if each.filled_by}
        drafts = {i: each.record for i, each in found.items() if each.record}
        self.jobs.reserve(drafts.values())
        every = range(len(submission.request.jobs))
        jobs = [filled[i] if i in filled else identities[i].job for i in every]
        plan = Plan(
            id=submission.id,
            project=submission.project,
            digest=submission.request.digest(),
            jobs=jobs,
            skipped=sorted(filled),
        )
        return await self.plans.create_or_get(plan), drafts

    async def _filled(self, submission: BatchSubmission) -> dict[int, str]:
        """The items whose slot needs nothing, and by which job it is filled."""
        slots = {
            i: request.slot for i, request in enumerate(submission.request.jobs) if request.slot
        }
        query = FindOccupiedSlots(project=submission.project, slots=list(slots.values()))
        jobs = (await self.request(query)).jobs
        return {i: jobs[slot] for i, slot in slots.items() if slot in jobs}

    async def _check(
        self, submission: BatchSubmission, index: int, identity: RequestIdentity
    ) -> CheckResult:
        request = submission.request.jobs[index]
        try:
            if await self.acceptance.is_known(identity):
                return CheckResult()
            record = await self.jobs.prepare(request, identity)
            await self.acceptance.check_slot(record)
        except SlotBusy as busy:
            if submission.request.only_missing and busy.job:
                return CheckResult(filled_by=busy.job)
            return CheckResult(error=None if request.replace else busy)
        except (RequestError, ModelUnavailable) as error:
            return CheckResult(error=error)
        return CheckResult(record=record)


def duplicate_slots(batch: BatchRequest) -> dict[int, HeliographError]:
    """Items that want a slot which an earlier one fills: only one of them could be its version."""
    refused: dict[int, HeliographError] = {}
    first: dict[str, int] = {}
    for index, request in enumerate(batch.jobs):
        if request.slot is None:
            continue
        earlier = first.setdefault(request.slot, index)
        if earlier != index:
            refused[index] = ValidationFailed.at("/slot", f"job {earlier} fills it already")
    return refused


def missing_slots(batch: BatchRequest) -> dict[int, HeliographError]:
    """Items without a slot, for which `only_missing` has no meaning."""
    if not batch.only_missing:
        return {}
    nowhere = [i for i, request in enumerate(batch.jobs) if request.slot is None]
    return {i: ValidationFailed.at("/slot", "only_missing needs a slot") for i in nowhere}


def item_pointer(index: int) -> str:
    """Pointer to an item of the request."""
    return f"/jobs/{index}"

"""Admission of a batch: every item is validated before any job is accepted."""

from dataclasses import dataclass

from heliograph.contracts.errors import (
    HeliographError,
    ModelUnavailable,
    RequestError,
    SlotBusy,
)
from heliograph.contracts.queries.slots import FindOccupiedSlots
from heliograph.runtime.bus import RequestReply
from services.gateway.bulk.batch_submission import (
    BatchRejected,
    BatchSubmission,
    CheckResult,
    Drafts,
    duplicate_slots,
    missing_slots,
)
from services.gateway.bulk.bounded_gather import gather_bounded
from services.gateway.bulk.plans import Plan, PlanStore
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.jobs.service import JobService


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
            BatchRejected: Some requests are refused.
            OverBudget, TooManyJobs: The jobs together exceed the budget of the project.
            ServiceError: There is not enough room for all jobs, or a service does not respond.
        """
        refused = duplicate_slots(submission.request) | missing_slots(submission.request)
        if refused:
            raise BatchRejected(dict(sorted(refused.items())))
        filled = await self._filled(submission) if submission.request.only_missing else {}
        missing = [i for i in range(len(submission.request.jobs)) if i not in filled]
        identities = {i: submission.identity(i) for i in missing}
        await self.acceptance.budgets.complete(
            submission.project, [own.job for own in identities.values()]
        )
        checked = await gather_bounded(
            self._check(submission, i, own) for i, own in identities.items()
        )
        checks = dict(zip(identities, checked, strict=True))
        refused = {i: each.error for i, each in checks.items() if each.error}
        if refused:
            raise BatchRejected(refused)
        filled |= {i: each.filled_by for i, each in checks.items() if each.filled_by}
        drafts = {i: each.record for i, each in checks.items() if each.record}
        new = [each.new for each in checked if each.new]
        await self.acceptance.budgets.hold_plan(submission.holder, new)
        await self.jobs.reserve(drafts.values())
        every = range(len(submission.request.jobs))
        jobs = [filled[i] if i in filled else identities[i].job for i in every]
        plan = Plan(
            id=submission.id,
            project=submission.project,
            digest=submission.request.digest(),
            jobs=jobs,
            skipped=sorted(filled),
        )
        return await self._store(plan, drafts), drafts

    async def _store(self, plan: Plan, drafts: Drafts) -> Plan:
        try:
            return await self.plans.create_or_get(plan)
        except HeliographError:  # the request is repeated, and takes room for its jobs anew
            for record in drafts.values():
                await self.jobs.release(record)
            raise

    async def _filled(self, submission: BatchSubmission) -> dict[int, str]:
        """The items whose slot needs no new job, each with the job that fills it."""
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
            is_deduplicated = await self.acceptance.check_slot(record)
        except SlotBusy as busy:
            if submission.request.only_missing and busy.job:
                return CheckResult(filled_by=busy.job)
            return CheckResult(error=None if request.replace else busy)
        except (RequestError, ModelUnavailable) as error:
            return CheckResult(error=error)
        return CheckResult(record=record, is_deduplicated=is_deduplicated)

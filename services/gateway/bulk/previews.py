"""Dry run of a bulk action: outcome and cost per job. Nothing is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliograph.contracts.actions import (
    ActionRequest,
    CancelOutlook,
    CancelPreview,
    RetryOutlook,
    RetryPreview,
)
from heliograph.contracts.errors import ModelUnavailable, RequestError
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_steps import Step
from heliograph.contracts.jobs import Cost
from heliograph.contracts.problems import Charged
from heliograph.contracts.records import Record
from heliograph.contracts.retry_requests import RetryFrom, RetryRequest
from heliograph.runtime.bus import EventLog
from services.gateway.bulk.bounded_gather import gather_bounded
from services.gateway.bulk.costs import sum_costs
from services.gateway.bulk.items import problem_at
from services.gateway.bulk.preview_rules import (
    Mode,
    cancel_outcome,
    is_paid,
    pointer_to_job,
    retry_request,
)
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.jobs.cancellation import charged_if_canceled
from services.gateway.jobs.lookup import load_job
from services.gateway.jobs.retry import check_in_place, refuse_to_pay, resume_point
from services.gateway.jobs.service import JobService


@dataclass(frozen=True, kw_only=True)
class BulkPreview:
    """Previews of actions on jobs. Every method raises Unavailable."""

    events: EventLog
    jobs: JobService
    acceptance: JobAcceptance

    async def retry(
        self, project: str, request: ActionRequest, jobs: Sequence[str], *, more: bool = False
    ) -> RetryPreview:
        """The step at which each retry would begin, and its price."""
        every = await self._retries(project, request, jobs)
        costs = [each.cost for each in every if is_paid(each) and each.cost]
        accepted = [each for each in every if each.outcome == "accepted"]
        return RetryPreview(
            project=project,
            count=len(accepted),
            refused=len(every) - len(accepted),
            free=sum(not is_paid(each) for each in accepted),
            paid=len(costs),
            cost=sum_costs(costs),
            more=more,
            items=every,
        )

    async def is_paid(self, project: str, request: ActionRequest, jobs: Sequence[str]) -> bool:
        """Whether a new try of any of them would be paid for."""
        every = await self._retries(project, request, jobs)
        return any(is_paid(each) for each in every if each.outcome == "accepted")

    async def cancel(
        self, project: str, request: ActionRequest, jobs: Sequence[str], *, more: bool = False
    ) -> CancelPreview:
        """Charges of the canceled jobs."""
        every = await gather_bounded(
            self._cancel(project, job, request.mode, pointer_to_job(request, index))
            for index, job in enumerate(jobs)
        )
        outcomes = Counter(each.outcome for each in every)
        return CancelPreview(
            project=project,
            count=outcomes["accepted"],
            refused=outcomes["refused"],
            charged=Counter(each.charged for each in every if each.charged),
            more=more,
            items=every,
        )

    async def _retries(
        self, project: str, request: ActionRequest, jobs: Sequence[str]
    ) -> list[RetryOutlook]:
        return await gather_bounded(
            self._retry(project, job, request, pointer_to_job(request, index))
            for index, job in enumerate(jobs)
        )

    async def _retry(
        self, project: str, job: str, request: ActionRequest, place: str
    ) -> RetryOutlook:
        known: dict[str, Any] = {}
        try:
            old = (await load_job(self.events, job, project=project)).record
            step, cost = await self._price(project, old, retry_request(request))
            known = {"from_": step, "cost": cost}
            if request.from_ is None:
                refuse_to_pay(cost)
        except (RequestError, ModelUnavailable) as error:
            problem = problem_at(place, error)
            return RetryOutlook(id=job, outcome="refused", problem=problem, **known)
        return RetryOutlook(id=job, outcome="accepted", **known)

    async def _price(
        self, project: str, old: Record, retry: RetryRequest
    ) -> tuple[RetryFrom, Cost]:
        """The step at which the retry would begin, and its price."""
        if old.step is Step.SUBMIT_UNKNOWN:
            check_in_place(retry)
            return "submit", old.cost
        step = resume_point(old, retry.from_)
        identity = RequestIdentity(project=project, job=new_job_id(), key="preview")
        record = await self.jobs.prepare_retry(old, retry, identity, may_pay=True)
        await self.acceptance.check_slot(record)
        return step, record.cost

    async def _cancel(self, project: str, job: str, mode: Mode, place: str) -> CancelOutlook:
        try:
            record = (await load_job(self.events, job, project=project)).record
            outcome = cancel_outcome(record, mode)
        except RequestError as error:
            return CancelOutlook(id=job, outcome="refused", problem=problem_at(place, error))
        charged: Charged | None = charged_if_canceled(record) if mode == "stop" else None
        return CancelOutlook(id=job, outcome=outcome, charged=charged)

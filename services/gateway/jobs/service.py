"""Job submission and retry, shared by the HTTP routes and the NATS consumer."""

from functools import partial

from heliograph.contracts.errors import SlotBusy
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest, RetryRequest
from heliograph.runtime.bus import EventLog, WorkQueue
from services.gateway.idempotency import RequestIdentity, identify_request, matches_digest
from services.gateway.jobs.acceptance import AcceptResult, JobAcceptance, PendingJob
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.enrichment import RecordBuilder
from services.gateway.jobs.lookup import load_job
from services.gateway.jobs.prompts import check_prompts
from services.gateway.jobs.retry import retry_digest, retry_in_place
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.limits.quota import QueueQuota


class JobService:
    """Takes requests for jobs."""

    def __init__(
        self,
        events: EventLog,
        work: WorkQueue,
        acceptance: JobAcceptance,
        cancellation: JobCancellation,
        builder: RecordBuilder,
        log_capacity: EventLogCapacity,
        quota: QueueQuota,
    ) -> None:
        self._events = events
        self._work = work
        self._acceptance = acceptance
        self._cancellation = cancellation
        self._builder = builder
        self._log_capacity = log_capacity
        self._quota = quota

    async def submit(self, request: JobRequest, identity: RequestIdentity) -> AcceptResult:
        """
        A job for a request.

        Raises:
            RequestError: The caller changes the request, or the key.
            ServiceError: The caller sends it again, with its key.
        """

        return await self.accept(self.plan_submit(request, identity), replace=request.replace)

    def plan_submit(
        self,
        request: JobRequest,
        identity: RequestIdentity,
        *,
        body_digest: str | None = None,
        counted: bool = False,
    ) -> PendingJob:
        """
        What a request comes to. `body_digest` is of the body that it is part of, if it is; `counted`
        says that its place in the backlog is, or will be, seen to.
        """

        async def first_record() -> Record:
            self._log_capacity.check()
            record = await self._builder.for_request(request, identity, body_digest=body_digest)
            check_prompts(record)
            if not counted:
                self._admit(record)
            return record

        is_whole = partial(matches_digest, request)
        return PendingJob(
            job=identity.job,
            keyed=identity.is_repeatable,
            is_same=is_whole if body_digest is None else lambda digest, _: digest == body_digest,
            draft=first_record,
        )

    def _admit(self, record: Record) -> None:
        self._log_capacity.admit([record])
        if not record.internal.reused:
            self._quota.reserve(record.project)

    async def retry(
        self, job: str, key: str | None, retry: RetryRequest, *, may_pay: bool = False
    ) -> AcceptResult:
        """
        Another try: in place where nobody knows what became of the first, else as a new job.
        A step that costs needs `from: submit`, unless the request as a whole `may_pay`.

        Raises:
            NotFound: There is no such job.
            RequestError, ServiceError: As for `ask`.
        """
        in_place = await retry_in_place(self._events, self._work, job, key, retry, may_pay=may_pay)
        if in_place:
            return in_place
        old = (await load_job(self._events, job)).record
        order = self.plan_retry(old, retry, identify_request(old.project, key), may_pay=may_pay)
        return await self.accept(order, replace=retry.changes.get("replace") is True)

    def plan_retry(
        self,
        old: Record,
        retry: RetryRequest,
        identity: RequestIdentity,
        *,
        counted: bool = False,
        may_pay: bool = False,
    ) -> PendingJob:
        """What trying a job again comes to, where that is a new job. `counted` as in `order`."""
        body = retry_digest(old, retry)

        async def first_record() -> Record:
            self._log_capacity.check()
            record = await self._builder.for_retry(old, retry, identity, may_pay=may_pay)
            check_prompts(record, retry.changes)
            if not counted:
                self._admit(record)
            return record

        return PendingJob(
            job=identity.job,
            keyed=identity.is_repeatable,
            is_same=lambda digest, _: digest == body,
            draft=first_record,
        )

    async def accept(self, order: PendingJob, *, replace: bool = False) -> AcceptResult:
        """
        The job of an order. `replace` says that whoever is filling the slot has to go.

        Raises:
            RequestError, ServiceError: As for `ask`.
        """
        while True:
            try:
                return await self._acceptance.accept(order)
            except SlotBusy as busy:
                if not replace or busy.job is None:
                    raise
                await self._cancellation.preempt(busy.job)

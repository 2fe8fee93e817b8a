"""Job submission and retry, shared by the HTTP routes and the NATS consumer."""

from functools import partial

from heliograph.contracts.errors import SlotBusy
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest, RetryRequest
from heliograph.runtime.bus import EventLog, WorkQueue
from services.gateway.idempotency import RequestIdentity, identify_request, matches_digest
from services.gateway.jobs.acceptance import AcceptResult, JobAcceptance, PendingJob
from services.gateway.jobs.cancellation import JobCancellation, load_job
from services.gateway.jobs.enrichment import RecordBuilder
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
        acceptor: JobAcceptance,
        canceler: JobCancellation,
        drafter: RecordBuilder,
        gauge: EventLogCapacity,
        backlog: QueueQuota,
    ) -> None:
        self._events = events
        self._work = work
        self._acceptor = acceptor
        self._canceler = canceler
        self._drafter = drafter
        self._gauge = gauge
        self._backlog = backlog

    async def submit(self, wanted: JobRequest, who: RequestIdentity) -> AcceptResult:
        """
        A job for a request.

        Raises:
            RequestError: The caller changes the request, or the key.
            ServiceError: The caller sends it again, with its key.
        """

        return await self.accept(self.plan_submit(wanted, who), replace=wanted.replace)

    def plan_submit(
        self,
        wanted: JobRequest,
        who: RequestIdentity,
        *,
        body_digest: str | None = None,
        counted: bool = False,
    ) -> PendingJob:
        """
        What a request comes to. `body_digest` is of the body that it is part of, if it is; `counted`
        says that its place in the backlog is, or will be, seen to.
        """

        async def first_record() -> Record:
            self._gauge.check()
            record = await self._drafter.for_request(wanted, who, body_digest=body_digest)
            check_prompts(record)
            if not counted:
                self._admit(record)
            return record

        is_whole = partial(matches_digest, wanted)
        return PendingJob(
            job=who.job,
            keyed=who.is_repeatable,
            is_same=is_whole if body_digest is None else lambda digest, _: digest == body_digest,
            draft=first_record,
        )

    def _admit(self, record: Record) -> None:
        self._gauge.admit([record])
        if not record.internal.reused:
            self._backlog.reserve(record.project)

    async def retry(
        self, job: str, key: str | None, asked: RetryRequest, *, may_pay: bool = False
    ) -> AcceptResult:
        """
        Another try: in place where nobody knows what became of the first, else as a new job.
        A step that costs needs `from: submit`, unless the request as a whole `may_pay`.

        Raises:
            NotFound: There is no such job.
            RequestError, ServiceError: As for `ask`.
        """
        in_place = await retry_in_place(self._events, self._work, job, key, asked, may_pay=may_pay)
        if in_place:
            return in_place
        _, old = await load_job(self._events, job)
        order = self.plan_retry(old, asked, identify_request(old.project, key), may_pay=may_pay)
        return await self.accept(order, replace=asked.changes.get("replace") is True)

    def plan_retry(
        self,
        old: Record,
        asked: RetryRequest,
        who: RequestIdentity,
        *,
        counted: bool = False,
        may_pay: bool = False,
    ) -> PendingJob:
        """What trying a job again comes to, where that is a new job. `counted` as in `order`."""
        body = retry_digest(old, asked)

        async def first_record() -> Record:
            self._gauge.check()
            record = await self._drafter.for_retry(old, asked, who, may_pay=may_pay)
            check_prompts(record, asked.changes)
            if not counted:
                self._admit(record)
            return record

        return PendingJob(
            job=who.job,
            keyed=who.is_repeatable,
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
                return await self._acceptor.accept(order)
            except SlotBusy as busy:
                if not replace or busy.job is None:
                    raise
                await self._canceler.preempt(busy.job)

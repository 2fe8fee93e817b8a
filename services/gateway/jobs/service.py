"""Job submission and retry, shared by the HTTP routes and the NATS consumer."""

import asyncio
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass

from heliograph.contracts.errors import (
    HeliographError,
    IdempotencyKeyReused,
    RequestError,
    SlotBusy,
    TooManyJobs,
    Unavailable,
)
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.retry_requests import RetryRequest
from heliograph.runtime.bus import EventLog, WorkQueue
from services.gateway.idempotency import (
    RequestIdentity,
    SameBody,
    identify_request,
    same_digest,
    same_request,
)
from services.gateway.jobs.acceptance import AcceptResult, JobAcceptance
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.enrichment import RecordBuilder
from services.gateway.jobs.lookup import load_job
from services.gateway.jobs.prompts import check_prompts
from services.gateway.jobs.retry import retry_digest, retry_in_place
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.limits.queue_quota import QueueQuota
from services.gateway.limits.quota_admission import QuotaAdmission

_LOOK_UP_WITHIN = 1.0  #: seconds to look for a known key where something else does not respond


@dataclass(frozen=True, kw_only=True)
class JobService:
    """Submits and retries jobs."""

    events: EventLog
    work: WorkQueue
    acceptance: JobAcceptance
    cancellation: JobCancellation
    records: RecordBuilder
    log_capacity: EventLogCapacity
    queue_quota: QueueQuota
    quota_admission: QuotaAdmission

    async def submit(
        self, request: JobRequest, identity: RequestIdentity, *, prepared: Record | None = None
    ) -> AcceptResult:
        """
        The job of a request. `prepared` is its first record, where that was prepared and reserved
        before.

        Raises:
            RequestError: The request is refused; the caller must change the request or the key.
            ServiceError: A service is not available; the caller repeats the request with its key.
        """
        is_same = same_request(request, identity)
        if not _is_compared_by_acceptance(request):
            known = await self.acceptance.replay(identity, is_same)
            return known or await self._submit_new(request, identity, is_same, prepared)
        record = prepared
        if record is None:
            self.acceptance.budgets.look_up_ahead(identity.project, identity.job)
        try:
            record = record or await self._admit(request, identity)
            return await self._accept_reserved(record, identity, is_same, replace=request.replace)
        except Unavailable:
            # once it was admitted, it is the log that did not respond
            if record is None and (known := await self._replay_in_time(identity, is_same)):
                return known
            raise
        except HeliographError:
            if known := await self.acceptance.replay(identity, is_same):
                return known
            raise

    async def _replay_in_time(
        self, identity: RequestIdentity, is_same: SameBody
    ) -> AcceptResult | None:
        """
        The replay of a request that was not admitted because a service does not respond, which a known key
        does not need. None if the log does not respond either.
        """
        try:
            async with asyncio.timeout(_LOOK_UP_WITHIN):
                return await self.acceptance.replay(identity, is_same)
        except (TimeoutError, Unavailable):
            return None

    async def _submit_new(
        self,
        request: JobRequest,
        identity: RequestIdentity,
        is_same: SameBody,
        prepared: Record | None,
    ) -> AcceptResult:
        record = prepared or await self._admit(request, identity)
        return await self._accept_reserved(record, identity, is_same, replace=request.replace)

    async def _admit(self, request: JobRequest, identity: RequestIdentity) -> Record:
        """The first record of a request, for which there is room. Raises as `submit`."""
        record = await self.prepare(request, identity)
        # before anything is counted: whether a budget applies has to be known
        self.acceptance.budgets.applies_to(record)
        await self.reserve([record])
        return record

    async def retry(
        self,
        job: str,
        key: str | None,
        retry: RetryRequest,
        *,
        may_pay: bool = False,
        access_key: str | None = None,
    ) -> AcceptResult:
        """
        Retry: in place for a job of unknown outcome, otherwise as a new job.
        A step that costs needs `from: submit`, unless the request as a whole `may_pay`.

        Raises:
            NotFound: The job does not exist.
            RequestError, ServiceError: As for `submit`.
        """
        in_place = await retry_in_place(self.events, self.work, job, key, retry, may_pay=may_pay)
        if in_place:
            return in_place
        old = (await load_job(self.events, job)).record
        identity = identify_request(old.project, key, access_key=access_key)
        is_same = same_digest(retry_digest(old, retry))
        known = await self.acceptance.replay(identity, is_same)
        if known:
            return known
        record = await self.prepare_retry(old, retry, identity, may_pay=may_pay)
        await self.reserve([record])
        replace = retry.changes.get("replace") is True
        return await self._accept_reserved(record, identity, is_same, replace=replace)

    async def _accept_reserved(
        self, record: Record, identity: RequestIdentity, is_same: SameBody, *, replace: bool
    ) -> AcceptResult:
        """Accept a job for which there is room, which is given back where no new job is made."""
        try:
            result = await self._accept(record, identity, is_same, replace=replace)
        except IdempotencyKeyReused:
            await self._release_replayed(record)
            raise
        except (RequestError, TooManyJobs):
            await self.release(record)
            raise
        if result.replayed:
            await self._release_replayed(record)
        elif result.deduplicated:
            await self.release(record)
        return result

    async def prepare(self, request: JobRequest, identity: RequestIdentity) -> Record:
        """The first record of a request. Nothing is written, or reserved. Raises as `submit`."""
        self.log_capacity.check()
        record = await self.records.for_request(request, identity)
        check_prompts(record)
        return record

    async def prepare_retry(
        self, old: Record, retry: RetryRequest, identity: RequestIdentity, *, may_pay: bool = False
    ) -> Record:
        """The first record of a retry; as `prepare`."""
        self.log_capacity.check()
        record = await self.records.for_retry(old, retry, identity, may_pay=may_pay)
        check_prompts(record, retry.changes)
        return record

    async def reserve(self, records: Collection[Record]) -> None:
        """
        Room in the event log, in the queue and in quotas for jobs of one project, for all or none.

        Raises:
            QueueFull, TooManyJobs, TooManyRequests: There is not enough room for all jobs.
            Unavailable: The available room is not known at the moment.
        """
        waiting = [record for record in records if not record.internal.reused]
        with ExitStack() as undo:
            self.log_capacity.admit(records)
            for record in records:
                undo.callback(self.log_capacity.release, record)
            if waiting:
                self.queue_quota.reserve(waiting[0].project, len(waiting))
                for record in waiting:
                    undo.callback(self.queue_quota.release, record.project)
                await self.quota_admission.admit(waiting)
            undo.pop_all()  # there is room for all of them

    async def release(self, record: Record) -> None:
        """Release the room of a job whose request stands for another job, or is refused."""
        self._release_room(record)
        if not record.internal.reused:
            await self.quota_admission.release(record)

    async def _release_replayed(self, record: Record) -> None:
        """Release the room of a replayed request, whose job keeps its permits."""
        self._release_room(record)
        if not record.internal.reused:
            await self.quota_admission.release_rate(record)

    def _release_room(self, record: Record) -> None:
        self.log_capacity.release(record)
        if not record.internal.reused:
            self.queue_quota.release(record.project)

    async def _accept(
        self, record: Record, identity: RequestIdentity, is_same: SameBody, *, replace: bool
    ) -> AcceptResult:
        """Accept a record; with `replace`, the open job of the slot is preempted."""
        while True:
            try:
                return await self.acceptance.accept(record, identity, is_same)
            except SlotBusy as busy:
                if not replace or busy.job is None:
                    raise
                await self.cancellation.preempt(busy.job)


def _is_compared_by_acceptance(request: JobRequest) -> bool:
    """
    Whether nothing is written, and no other service is queried, before `accepted`, whose compare finds a
    known key. Such a request is not looked up first, which saves one read for every new job.
    """
    return not (request.slot or request.references or request.after or request.reuse)

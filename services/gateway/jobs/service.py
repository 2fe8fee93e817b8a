"""Asking for a job, and asking again: every door of the gateway leads here."""

from functools import partial

from heliograph.contracts.errors import SlotBusy
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest, RetryRequest
from heliograph.runtime.bus import EventLog, WorkQueue
from services.gateway.idempotency import Caller, caller, is_same_body
from services.gateway.jobs.acceptance import Acceptance, Acceptor, Order
from services.gateway.jobs.cancellation import Canceler, read_job
from services.gateway.jobs.enrichment import Drafter
from services.gateway.jobs.prompts import check_prompts
from services.gateway.jobs.retry import retry_digest, retry_in_place
from services.gateway.limits.log_capacity import Gauge
from services.gateway.limits.quota import Backlog


class Desk:
    """Takes requests for jobs."""

    def __init__(
        self,
        events: EventLog,
        work: WorkQueue,
        acceptor: Acceptor,
        canceler: Canceler,
        drafter: Drafter,
        gauge: Gauge,
        backlog: Backlog,
    ) -> None:
        self._events = events
        self._work = work
        self._acceptor = acceptor
        self._canceler = canceler
        self._drafter = drafter
        self._gauge = gauge
        self._backlog = backlog

    async def ask(self, wanted: JobRequest, who: Caller) -> Acceptance:
        """
        A job for a request.

        Raises:
            RequestError: The caller changes the request, or the key.
            ServiceError: The caller sends it again, with its key.
        """

        return await self.accept(self.order(wanted, who), replace=wanted.replace)

    def order(
        self,
        wanted: JobRequest,
        who: Caller,
        *,
        body_digest: str | None = None,
        counted: bool = False,
    ) -> Order:
        """
        What a request comes to. `body_digest` is of the body that it is part of, if it is; `counted`
        says that its place in the backlog is, or will be, seen to.
        """

        async def first_record() -> Record:
            self._gauge.check()
            record = await self._drafter.first(wanted, who, body_digest=body_digest)
            check_prompts(record)
            if not counted:
                self._admit(record)
            return record

        is_whole = partial(is_same_body, wanted)
        return Order(
            job=who.job,
            keyed=who.comes_again,
            is_same=is_whole if body_digest is None else lambda digest, _: digest == body_digest,
            draft=first_record,
        )

    def _admit(self, record: Record) -> None:
        self._gauge.admit([record])
        if not record.internal.reused:
            self._backlog.admit(record.project)

    async def ask_again(
        self, job: str, key: str | None, asked: RetryRequest, *, may_pay: bool = False
    ) -> Acceptance:
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
        _, old = await read_job(self._events, job)
        order = self.order_again(old, asked, caller(old.project, key), may_pay=may_pay)
        return await self.accept(order, replace=asked.changes.get("replace") is True)

    def order_again(
        self,
        old: Record,
        asked: RetryRequest,
        who: Caller,
        *,
        counted: bool = False,
        may_pay: bool = False,
    ) -> Order:
        """What trying a job again comes to, where that is a new job. `counted` as in `order`."""
        body = retry_digest(old, asked)

        async def first_record() -> Record:
            self._gauge.check()
            record = await self._drafter.again(old, asked, who, may_pay=may_pay)
            check_prompts(record, asked.changes)
            if not counted:
                self._admit(record)
            return record

        return Order(
            job=who.job,
            keyed=who.comes_again,
            is_same=lambda digest, _: digest == body,
            draft=first_record,
        )

    async def accept(self, order: Order, *, replace: bool = False) -> Acceptance:
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
                await self._canceler.supersede(busy.job)

"""Quotes for lists of requests. Nothing is written, or reserved."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from heliograph.contracts.errors import ModelUnavailable, RequestError
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.queries.scheduler import Forecast, ForecastPositions, NewJob, Position
from heliograph.contracts.quotes import QUOTE_LIFE, Quote, QuoteList, QuoteRequest
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.clock import now
from services.gateway.bulk.batch_submission import BatchRejected, CheckResult
from services.gateway.bulk.bounded_gather import gather_bounded
from services.gateway.bulk.costs import total_cost
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.quote_signer import QuoteSigner
from services.gateway.jobs.service import JobService
from services.gateway.queue_position import request_or_none

_FORECAST_TIMEOUT = 1.0  #: seconds for the reply of the dispatcher; without it, positions are null


@dataclass(frozen=True, kw_only=True)
class QuoteService:
    """Quotes requests: price and estimated start."""

    jobs: JobService
    signer: QuoteSigner
    catalog: CurrentCatalog
    request: RequestReply

    async def quote(self, project: str, request: QuoteRequest) -> QuoteList:
        """
        A quote for each of some requests.

        Raises:
            BatchRejected: Some requests are refused; the caller must change them.
            ServiceError: A service is not available; try again.
        """
        records = await self._priced(project, request)
        expires_at = (now() + timedelta(seconds=QUOTE_LIFE)).replace(microsecond=0)
        positions = await self._positions(records)
        items = [
            await self._quote(index, each, record, position, expires_at)
            for index, (each, record, position) in enumerate(
                zip(request.jobs, records, positions, strict=True)
            )
        ]
        cost = total_cost([item.cost for item in items])
        return QuoteList(project=project, cost=cost, expires_at=expires_at, items=items)

    async def _priced(self, project: str, request: QuoteRequest) -> list[Record]:
        """The first record of each job. Raises BatchRejected."""
        checked = await gather_bounded(self._prepared(project, each) for each in request.jobs)
        if refused := {i: each.error for i, each in enumerate(checked) if each.error}:
            raise BatchRejected(refused)
        return [each.record for each in checked if each.record]

    async def _prepared(self, project: str, request: JobRequest) -> CheckResult:
        identity = RequestIdentity(project=project, job=new_job_id(), key="quote")
        try:
            # an older quote is ignored
            plain = request.model_copy(update={"quote": None})
            return CheckResult(record=await self.jobs.prepare(plain, identity))
        except (RequestError, ModelUnavailable) as error:
            return CheckResult(error=error)

    async def _quote(
        self, index: int, request: JobRequest, record: Record, position: Position, end: datetime
    ) -> Quote:
        return Quote(
            index=index,
            quote=await self.signer.sign(record.project, request, record.cost, end),
            kind=record.kind,
            model=record.model,
            lane=record.lane,
            cost=record.cost,
            price_known=self.catalog.current.models[record.model].price.known,
            position=position.position,
            eta_seconds=position.eta_seconds,
            blocked=position.blocked,
        )

    async def _positions(self, records: list[Record]) -> list[Position]:
        """Queue position of each request; requests that need not wait have none."""
        jobs = [_new_job(record) for record in records if not record.internal.reused]
        query = ForecastPositions(jobs=jobs)
        forecast = await request_or_none(self.request, query, timeout=_FORECAST_TIMEOUT)
        turns = iter((forecast or Forecast(positions=[])).positions)
        return [
            Position() if record.internal.reused else next(turns, Position()) for record in records
        ]


def _new_job(record: Record) -> NewJob:
    return NewJob(
        lane=record.lane,
        project=record.project,
        priority=record.priority,
        account=record.internal.account,
    )

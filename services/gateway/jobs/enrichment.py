"""Enrichment: looks up project defaults, references and cached results for a job's first record."""

from collections.abc import Sequence
from dataclasses import dataclass

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.job_steps import Step
from heliograph.contracts.kept_references import KeptReference
from heliograph.contracts.provider_arguments import result_digest
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest
from heliograph.contracts.retry_requests import RetryRequest
from heliograph.runtime.bus import EventLog
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.clock import now
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.first_record import build_record
from services.gateway.jobs.price_consent import check_key
from services.gateway.jobs.quote_signer import QuoteSigner
from services.gateway.jobs.references import ReferenceValidator
from services.gateway.jobs.result_cache import ResultCache
from services.gateway.jobs.retry import in_changes, refuse_to_pay, retry_record
from services.gateway.projects.defaults import DefaultsSource
from services.gateway.slots.versions import SlotService


@dataclass(frozen=True, kw_only=True)
class RecordBuilder:
    """
    Makes first records. Nothing is written down here.

    Every method raises RequestError where the caller has to change something, and Unavailable.
    """

    catalog: CurrentCatalog
    events: EventLog
    projects: DefaultsSource
    slots: SlotService
    references: ReferenceValidator
    quotes: QuoteSigner
    results: ResultCache

    async def for_request(self, request: JobRequest, identity: RequestIdentity) -> Record:
        """First record of the requested job."""
        catalog = self.catalog.current
        record = build_record(
            request,
            identity,
            catalog,
            now(),
            defaults=await self.projects.defaults(identity.project),
            current=await self.slots.current(identity.project, request),
            body_digest=identity.body_digest,
        )
        check_key(record.cost, identity.key)
        await self.quotes.check(identity.project, request, record.cost)
        references = request.references or record.references
        return await self._looked_up(record, catalog, references, reuse=request.reuse)

    async def for_retry(
        self, old: Record, retry: RetryRequest, identity: RequestIdentity, *, may_pay: bool = False
    ) -> Record:
        """First record of the job of a retry. Its changes may have `max_cost`, but no quote."""
        if retry.changes.get("quote") is not None:
            raise ValidationFailed.at("/changes/quote", "a retry has no quote: use max_cost")
        defaults = await self.projects.defaults(identity.project)
        catalog = self.catalog.current
        record = retry_record(old, retry, identity, catalog, defaults, may_pay=may_pay)
        if record.internal.takeover:
            return record
        reuse = retry.changes.get("reuse") is True
        try:
            record = await self._looked_up(record, catalog, record.references, reuse=reuse)
        except ValidationFailed as error:
            if retry.changes.keys() & {"references", "after"}:
                raise in_changes(error, retry.changes) from None
            # else the asset was deleted; the worker reports it
        if retry.from_ is None and not (may_pay or record.internal.reused):
            refuse_to_pay(record.cost)
        return record

    async def _looked_up(
        self, record: Record, catalog: Catalog, requested: Sequence[KeptReference], *, reuse: bool
    ) -> Record:
        after = await self._states(record)
        references = await self.references.validate(record.project, requested, after)
        known = [digest for digest in references if digest][: len(record.references)]
        if len(known) < len(record.references):
            return record
        kind, model = catalog.kinds.get(record.kind), catalog.models[record.model]
        digest = result_digest(record, kind, model.endpoint, known)
        internal = record.internal.model_copy(update={"result_digest": digest})
        record = record.model_copy(update={"internal": internal})
        dependencies_met = all(step is Step.SUCCEEDED for step in after.values())
        return await self.results.reuse(record) if reuse and dependencies_met else record

    async def _states(self, record: Record) -> dict[str, Step]:
        """States of the dependencies of a new job."""
        steps: dict[str, Step] = {}
        for index, job in enumerate(record.internal.after):
            entry = await self.events.job(job)
            if entry is None or entry.record.project != record.project:
                raise ValidationFailed.at(f"/after/{index}", "there is no such job")
            steps[job] = entry.record.step
        return steps

"""A gateway's jobs on the event log, the queue and the slots of `heliograph.testing`."""

from typing import Any, cast

from heliograph.contracts.projects import Defaults
from heliograph.runtime.budgets.job_budgets import JobBudgets, NoBudgets
from heliograph.runtime.bus import EventLog
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.testing.slot_claims import MemorySlotClaims
from heliograph.testing.work_queue import MemoryWorkQueue
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.jobs.enrichment import RecordBuilder
from services.gateway.jobs.quote_signer import QuoteSigner
from services.gateway.jobs.references import ReferenceValidator
from services.gateway.jobs.result_cache import ResultCache
from services.gateway.jobs.service import JobService
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.limits.queue_quota import QueueQuota
from services.gateway.limits.quota_admission import QuotaAdmission
from services.gateway.slots.versions import SlotService
from tests.support.quotas import no_quotas
from tests.support.records import KEYLESS

_NONE = cast(Any, None)  #: a part that no request here has need of


class NoDefaults:
    """`DefaultsSource` of a project that fills in nothing."""

    async def defaults(self, project: str) -> Defaults:
        return Defaults()


def a_gateway(
    events: EventLog,
    *,
    may_wait: int = 10,
    quotas: QuotaAdmission | None = None,
    budgets: JobBudgets | None = None,
    log_capacity: EventLogCapacity | None = None,
) -> JobService:
    """The jobs of a gateway with defaults for nothing, where so many jobs may wait."""
    work, slots = MemoryWorkQueue(), MemorySlotClaims()
    records = RecordBuilder(
        catalog=CurrentCatalog(KEYLESS),
        events=events,
        projects=NoDefaults(),
        slots=SlotService(slots, _NONE, _NONE),
        references=ReferenceValidator(events, _NONE),
        quotes=QuoteSigner(_secret),
        results=ResultCache(events, _NONE, timeout=0),
    )
    return JobService(
        events=events,
        work=work,
        acceptance=JobAcceptance(
            events=events, work=work, slots=slots, budgets=budgets or NoBudgets()
        ),
        cancellation=_NONE,
        records=records,
        log_capacity=log_capacity or EventLogCapacity(_NONE, _NONE, high_watermark=1),
        queue_quota=QueueQuota(_NONE, limit=may_wait, project_limit=may_wait),
        quota_admission=quotas or no_quotas(),
    )


async def _secret() -> bytes:
    return b"known to all gateways"

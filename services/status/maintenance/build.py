"""Builds the maintenance: the sweeper, log compaction and retention."""

from dataclasses import dataclass
from functools import partial

from heliograph.runtime.background import BackgroundTask
from heliograph.runtime.budgets.marks import CachedBudgetMarks
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.purges import Purges
from heliograph.runtime.service import Service
from services.status.maintenance.compaction import LogCompaction, compact_forever
from services.status.maintenance.object_removal import remove_objects
from services.status.maintenance.pending_events import complete_forever
from services.status.maintenance.record_expiry import RecordExpiry
from services.status.maintenance.retention import RetentionEnforcer
from services.status.maintenance.retention_loop import apply_forever, read_retentions
from services.status.maintenance.sweep_loop import sweep_forever
from services.status.maintenance.sweeper import Sweeper
from services.status.maintenance.user_budgets import UserBudgetExpiry, expire_forever
from services.status.read_model import ReadModel
from services.status.read_your_writes import ReadYourWrites
from services.status.settings import StatusSettings


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """Maintenance tasks; each runs in one process at a time, by a lease."""

    retention: RetentionEnforcer
    tasks: dict[str, BackgroundTask]


def build_maintenance(
    service: Service[StatusSettings],
    read_model: ReadModel,
    writes: ReadYourWrites,
    projects: KvCache,
) -> Maintenance:
    """
    Wire the maintenance of a status process.

    Args:
        projects: Settings of all projects; its `watch` runs.
    """
    bus, settings = service.bus, service.settings
    purges = Purges(bus.jetstream)
    marks = CachedBudgetMarks(projects, confirmed_within=settings.budget_confirmed_within)
    sweeper = Sweeper(
        events=bus.events,
        work=bus.work,
        accounts=bus.accounts,
        notify=bus.notify,
        read_model=read_model,
        catalog=service.catalog,
        settings=settings,
    )
    compaction = LogCompaction(
        events=bus.events,
        jetstream=bus.jetstream,
        read_model=read_model,
        purges=purges,
        expiry=RecordExpiry(
            jetstream=bus.jetstream,
            read_model=read_model,
            purges=purges,
            marks=marks,
            wait_for_log=writes.wait_for_log,
            settings=settings,
        ),
        settings=settings,
    )
    retention = RetentionEnforcer(
        events=bus.events,
        slots=bus.slots,
        read_model=read_model,
        retentions=partial(read_retentions, projects.bucket),
        wait_for_log=writes.wait_for_log,
        remove=partial(remove_objects, bus.request),
        grace_period=settings.object_grace_period,
    )
    user_budgets = UserBudgetExpiry(jetstream=bus.jetstream, marks=marks)
    return Maintenance(
        retention=retention,
        tasks={
            "sweeper": partial(sweep_forever, bus, sweeper, every=settings.sweep_interval),
            "compaction": partial(compact_forever, bus, compaction, settings),
            "retention": partial(apply_forever, bus, retention, settings),
            "pending_events": partial(complete_forever, bus.leases, bus.jetstream, marks),
            "user_budgets": partial(expire_forever, bus.leases, user_budgets),
        },
    )

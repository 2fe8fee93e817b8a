"""Gateways, and a status process, as far as budgets go: on a bus of their own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from heliograph.contracts.budgets.record import BudgetLimits, BudgetRecord, opened
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from heliograph.runtime.background import run_in_background
from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.bus.budget_audit import audit_budget
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from heliograph.runtime.clock import now
from heliograph.runtime.job_view import JobPresenter
from heliograph.runtime.presigned_urls import PresignedUrlCache
from services.gateway.budgets.service import BudgetService
from services.gateway.projects.settings_store import ProjectSettings
from services.status.bookkeeper import Bookkeeper
from services.status.live.hub import Hub
from services.status.settings import StatusSettings
from tests.support.budget_marks import Marks
from tests.support.records import CURRENT_CATALOG, a_record

PRICE = Decimal("0.25")


def a_job(project: str, price: Decimal = PRICE, **fields: Any) -> Record:
    record = a_record(project=project, **fields)
    return record.model_copy(update={"cost": Cost(estimated=price)})


def gateway_events(
    bus: NatsBus, jetstream: JetStream | None = None, *, counts_jobs: bool = False
) -> BudgetedEventLog:
    """The event log of a gateway that knows that every project has a budget."""
    own = jetstream or bus.jetstream
    committer = BudgetCommitter(own, BudgetLog(own))
    return BudgetedEventLog(bus.events, committer, Marks(counts_jobs=counts_jobs))


async def set_limits(bus: NatsBus, project: str, **limits: Any) -> None:
    """A budget of a project without jobs, at once."""
    budget = opened(project, BudgetLimits.model_validate(limits), "UTC", now())
    head = await bus.events.head()
    sequence, _ = await BudgetLog(bus.jetstream).read(project)
    await BudgetLog(bus.jetstream).write(budget.model_copy(update={"settled": head}), sequence)


async def budget_of(bus: NatsBus, project: str) -> BudgetRecord:
    """The budget record as it is stored."""
    _, budget = await BudgetLog(bus.jetstream).stored(project)
    assert budget
    return budget


async def outcomes_of(
    gateways: Sequence[BudgetedEventLog], jobs: Sequence[Record]
) -> list[LogEntry | BaseException]:
    """What becomes of jobs that are accepted at once, by one gateway or the other."""
    accepted = (
        append_event(gateways[number % len(gateways)], "accepted", job, 0)
        for number, job in enumerate(jobs)
    )
    return await asyncio.gather(*accepted, return_exceptions=True)


async def no_differences(bus: NatsBus, project: str) -> None:
    audit = await audit_budget(bus.jetstream, project)
    assert audit
    assert audit.differences == []


@asynccontextmanager
async def hub_of(bus: NatsBus) -> AsyncIterator[Hub]:
    presenter = JobPresenter(StatusSettings(), PresignedUrlCache(bus.request, timeout=2))
    hub = Hub(bus, presenter, buffer_bytes=1_000_000)
    async with run_in_background(hub=hub.run):
        await hub.opened.wait()
        yield hub


@asynccontextmanager
async def bookkeeping(bus: NatsBus) -> AsyncIterator[None]:
    """A status process, as far as it settles budgets."""
    async with hub_of(bus) as hub:
        projects = KvCache(bus.jetstream, "projects")
        bookkeeper = Bookkeeper(bus, hub, projects)
        async with run_in_background(books=bookkeeper.run, marks=projects.watch):
            yield


@asynccontextmanager
async def budget_service(
    bus: NatsBus, confirmed_within: float = 0.01
) -> AsyncIterator[BudgetService]:
    settings = ProjectSettings(bus.jetstream, CURRENT_CATALOG)
    async with run_in_background(projects=settings.watch):
        budgets = BudgetLog(bus.jetstream)
        yield BudgetService(bus, budgets, settings, confirmed_within=confirmed_within)

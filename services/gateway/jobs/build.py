"""Builds the jobs: submission, idempotent acceptance, retry, cancellation and views."""

from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter

from heliograph.runtime.access.service_key import shared_secret
from heliograph.runtime.job_view import JobPresenter
from heliograph.runtime.service import Service
from services.gateway.budgets.build import Budgets
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.jobs.cancel_routes import cancel_routes
from services.gateway.jobs.cancellation import JobCancellation
from services.gateway.jobs.enrichment import RecordBuilder
from services.gateway.jobs.quote_signer import QuoteSigner
from services.gateway.jobs.references import ReferenceValidator
from services.gateway.jobs.result_cache import ResultCache
from services.gateway.jobs.routes import job_routes
from services.gateway.jobs.service import JobService
from services.gateway.jobs.view_routes import view_routes
from services.gateway.jobs.views import JobViews
from services.gateway.limits.build import Limits
from services.gateway.projects.build import Projects
from services.gateway.settings import GatewaySettings
from services.gateway.slots.build import Slots


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """Job submission, cancellation and views."""

    service: JobService
    acceptance: JobAcceptance
    quotes: QuoteSigner
    cancellation: JobCancellation
    views: JobViews
    routes: list[APIRouter]


def build_jobs(
    service: Service[GatewaySettings],
    presenter: JobPresenter,
    limits: Limits,
    projects: Projects,
    slots: Slots,
    budgets: Budgets,
) -> Jobs:
    """Wire the jobs of a gateway."""
    bus, settings = service.bus, service.settings
    acceptance = JobAcceptance(
        events=budgets.events,
        work=bus.work,
        slots=bus.slots,
        budgets=budgets.events,
        claim_timeout=settings.slot_claim_timeout,
    )
    cancellation = JobCancellation(events=bus.events, work=bus.work, notify=bus.notify)
    quotes = QuoteSigner(partial(shared_secret, bus.jetstream, "quotes"))
    records = RecordBuilder(
        catalog=service.catalog,
        events=bus.events,
        projects=projects.settings,
        slots=slots.service,
        references=ReferenceValidator(bus.events, bus.request),
        quotes=quotes,
        results=ResultCache(bus.events, bus.request, timeout=settings.result_cache_timeout),
    )
    jobs = JobService(
        events=budgets.events,
        work=bus.work,
        acceptance=acceptance,
        cancellation=cancellation,
        records=records,
        log_capacity=limits.log_capacity,
        queue_quota=limits.queue_quota,
        quota_admission=limits.quota_admission,
    )
    views = JobViews(bus.events, bus.request, presenter)
    return Jobs(
        service=jobs,
        acceptance=acceptance,
        quotes=quotes,
        cancellation=cancellation,
        views=views,
        routes=[job_routes(jobs, views), view_routes(views), cancel_routes(cancellation, views)],
    )

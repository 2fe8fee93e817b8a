"""Builds the limits: lanes and accounts, quotas, and the capacity of the event log."""

from dataclasses import dataclass

from fastapi import APIRouter

from heliograph.runtime.bus.rate_counters import RateCounters
from heliograph.runtime.service import Service
from services.gateway.limits.job_permits import JobPermits
from services.gateway.limits.lanes_accounts import LimitAdmin
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.limits.queue_quota import QueueQuota
from services.gateway.limits.quota_admission import ProjectQuotasOf, QuotaAdmission
from services.gateway.limits.rate_limiter import RateLimiter
from services.gateway.limits.routes import limit_routes
from services.gateway.settings import GatewaySettings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of new jobs."""

    queue_quota: QueueQuota
    quota_admission: QuotaAdmission
    log_capacity: EventLogCapacity
    routes: list[APIRouter]


def build_limits(service: Service[GatewaySettings], project_quotas: ProjectQuotasOf) -> Limits:
    """Wire the limits of a gateway."""
    bus, settings = service.bus, service.settings
    admin = LimitAdmin(
        request=bus.request,
        notify=bus.notify,
        catalog=service.catalog,
        lane_limits=bus.lanes,
        permits=bus.accounts,
    )
    return Limits(
        queue_quota=QueueQuota(
            admin, limit=settings.max_queued, project_limit=settings.max_queued_per_project
        ),
        quota_admission=QuotaAdmission(
            RateLimiter(RateCounters(bus.jetstream)),
            JobPermits(bus.jetstream, bus.request),
            project_quotas,
            service.keys.quotas,
        ),
        log_capacity=EventLogCapacity(
            bus.jetstream, bus.request, high_watermark=settings.event_log_high_watermark
        ),
        routes=[limit_routes(admin)],
    )

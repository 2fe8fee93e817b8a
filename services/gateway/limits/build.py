"""Builds the limits: lanes and accounts, the queue quota, and the capacity of the event log."""

from dataclasses import dataclass

from fastapi import APIRouter

from heliograph.runtime.service import Service
from services.gateway.limits.lanes_accounts import LimitAdmin
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.limits.quota import QueueQuota
from services.gateway.limits.routes import limit_routes
from services.gateway.settings import GatewaySettings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of new jobs."""

    quota: QueueQuota
    log_capacity: EventLogCapacity
    routes: list[APIRouter]


def build_limits(service: Service[GatewaySettings]) -> Limits:
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
        quota=QueueQuota(
            admin, limit=settings.max_queued, project_limit=settings.max_queued_per_project
        ),
        log_capacity=EventLogCapacity(
            bus.jetstream, bus.request, high_watermark=settings.event_log_high_watermark
        ),
        routes=[limit_routes(admin)],
    )

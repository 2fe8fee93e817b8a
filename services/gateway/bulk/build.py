"""Builds the bulk requests: cast references, batches, and actions on many jobs."""

from fastapi import APIRouter

from heliograph.runtime.job_view import JobPresenter
from heliograph.runtime.service import Service
from services.gateway.bulk.action_routes import action_routes
from services.gateway.bulk.actions import BulkActions
from services.gateway.bulk.admission import BatchAdmission
from services.gateway.bulk.batches import BatchService
from services.gateway.bulk.cast import CastReferences
from services.gateway.bulk.cast_routes import cast_routes
from services.gateway.bulk.plans import PlanStore
from services.gateway.bulk.previews import BulkPreview
from services.gateway.bulk.routes import batch_routes
from services.gateway.jobs.build import Jobs
from services.gateway.limits.build import Limits
from services.gateway.settings import GatewaySettings


def build_bulk(
    service: Service[GatewaySettings], presenter: JobPresenter, limits: Limits, jobs: Jobs
) -> list[APIRouter]:
    """Wire the bulk requests of a gateway. Returns their routes."""
    events, request = service.bus.events, service.bus.request
    plans = PlanStore(service.bus.jetstream)
    admission = BatchAdmission(
        jobs.service, jobs.acceptance, limits.quota, limits.log_capacity, plans, request
    )
    batches = BatchService(events, jobs.service, admission, plans, request)
    previews = BulkPreview(events, jobs.service, jobs.acceptance)
    actions = BulkActions(events, jobs.service, jobs.cancellation, previews, plans, request)
    return [
        cast_routes(CastReferences(jobs.service, jobs.acceptance), jobs.views),
        batch_routes(batches, presenter),
        action_routes(actions, presenter),
    ]

"""Builds the bulk requests: cast references, batches, actions on many jobs, and quotes."""

from fastapi import APIRouter

from heliograph.contracts.ids import BATCH_PATTERN
from heliograph.runtime.access.keyed_access import ResourceOwner
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
from services.gateway.bulk.quote_routes import quote_routes
from services.gateway.bulk.quotes import QuoteService
from services.gateway.bulk.routes import batch_routes
from services.gateway.jobs.build import Jobs
from services.gateway.settings import GatewaySettings


def build_bulk(
    service: Service[GatewaySettings], presenter: JobPresenter, jobs: Jobs
) -> list[APIRouter]:
    """Wire the bulk requests of a gateway. Returns their routes."""
    events, request = service.bus.events, service.bus.request
    plans = PlanStore(service.bus.jetstream)
    service.owners["batch"] = ResourceOwner(BATCH_PATTERN, plans.project_of)
    admission = BatchAdmission(
        jobs=jobs.service, acceptance=jobs.acceptance, plans=plans, request=request
    )
    batches = BatchService(
        events=events,
        jobs=jobs.service,
        admission=admission,
        plans=plans,
        budgets=jobs.acceptance.budgets,
        request=request,
    )
    previews = BulkPreview(events=events, jobs=jobs.service, acceptance=jobs.acceptance)
    actions = BulkActions(
        events=events,
        jobs=jobs.service,
        cancellation=jobs.cancellation,
        previews=previews,
        plans=plans,
        request=request,
    )
    cast = CastReferences(jobs=jobs.service, acceptance=jobs.acceptance)
    quotes = QuoteService(
        jobs=jobs.service, signer=jobs.quotes, catalog=service.catalog, request=request
    )
    return [
        cast_routes(cast, jobs.views),
        batch_routes(batches, presenter, service.settings.gateway_url),
        action_routes(actions, presenter),
        quote_routes(quotes),
    ]

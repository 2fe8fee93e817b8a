"""Builds the budgets: the committer, and the routes that set them."""

from dataclasses import dataclass

from fastapi import APIRouter

from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.service import Service
from services.gateway.budgets.routes import budget_routes
from services.gateway.budgets.service import BudgetService
from services.gateway.projects.build import Projects
from services.gateway.settings import GatewaySettings


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """Budgets of projects."""

    events: BudgetedEventLog
    routes: list[APIRouter]


def build_budgets(service: Service[GatewaySettings], projects: Projects) -> Budgets:
    """Wire the budgets of a gateway."""
    bus, settings = service.bus, service.settings
    budgets = BudgetLog(bus.jetstream)
    committer = BudgetCommitter(bus.jetstream, budgets)
    reader = BudgetService(
        bus, budgets, projects.settings, confirmed_within=settings.budget_confirmed_within
    )
    return Budgets(
        events=BudgetedEventLog(bus.events, committer, projects.settings.marks),
        routes=[budget_routes(reader)],
    )

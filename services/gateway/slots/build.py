"""Builds the slots: their versions, and restoring one of these."""

from dataclasses import dataclass

from fastapi import APIRouter

from heliograph.runtime.job_view import JobPresenter
from heliograph.runtime.service import Service
from services.gateway.settings import GatewaySettings
from services.gateway.slots.routes import slot_routes
from services.gateway.slots.versions import SlotService


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Slots of projects."""

    service: SlotService
    routes: list[APIRouter]


def build_slots(service: Service[GatewaySettings], presenter: JobPresenter) -> Slots:
    """Wire the slots of a gateway."""
    slots = SlotService(service.bus.slots, service.bus.request, presenter)
    return Slots(service=slots, routes=[slot_routes(slots)])

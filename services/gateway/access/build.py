"""Builds the routes of keys and tickets, and the first key of a deployment."""

from functools import partial

from fastapi import APIRouter

from heliograph.runtime.access.first_key import write_first_key
from heliograph.runtime.access.key_store import KeyStore
from heliograph.runtime.access.tickets import TicketStore
from heliograph.runtime.service import Service
from services.gateway.access.key_routes import key_routes
from services.gateway.access.ticket_routes import ticket_routes
from services.gateway.settings import GatewaySettings


def build_access(service: Service[GatewaySettings]) -> list[APIRouter]:
    """Wire the keys of a gateway. Returns their routes."""
    jetstream, file = service.bus.jetstream, service.settings.first_key_file
    keys = KeyStore(jetstream, service.keys.note)
    if file and service.settings.auth == "keys":
        service.on_open(partial(write_first_key, jetstream, file))
    return [key_routes(keys), ticket_routes(TicketStore(jetstream, service.keys))]

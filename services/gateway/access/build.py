"""Builds the routes of keys, tickets and sessions, and the first key of a deployment."""

from datetime import timedelta
from functools import partial

from fastapi import APIRouter

from heliograph.runtime.access.first_key import write_first_key
from heliograph.runtime.access.key_expiry import warn_of_expiry_forever
from heliograph.runtime.access.key_store import KeyStore
from heliograph.runtime.access.session_cookies import SessionCookies
from heliograph.runtime.access.session_store import SessionStore
from heliograph.runtime.access.tickets import TicketStore
from heliograph.runtime.service import Service
from services.gateway.access.key_routes import key_routes
from services.gateway.access.session_routes import session_routes
from services.gateway.access.session_service import SessionService
from services.gateway.access.ticket_routes import ticket_routes
from services.gateway.settings import GatewaySettings


def build_access(service: Service[GatewaySettings]) -> list[APIRouter]:
    """Wire the access of a gateway. Returns its routes."""
    jetstream, settings = service.bus.jetstream, service.settings
    keys = KeyStore(jetstream, service.keys.note)
    if settings.auth == "keys":
        if settings.first_key_file:
            service.on_open(partial(write_first_key, jetstream, settings.first_key_file))
        service.run(key_expiry=partial(warn_of_expiry_forever, service.keys))
    sessions = SessionService(
        service.keys,
        service.sessions,
        SessionStore(jetstream, service.sessions),
        life=timedelta(hours=settings.session_hours),
        is_open=settings.auth == "off",
    )
    cookies = SessionCookies(settings)
    routes = [
        key_routes(keys),
        ticket_routes(TicketStore(jetstream, service.access.confirm)),
        session_routes(sessions, cookies),
    ]
    if settings.oidc_issuer:
        routes.append(_oidc_routes(sessions, cookies, settings))
    return routes


def _oidc_routes(
    sessions: SessionService, cookies: SessionCookies, settings: GatewaySettings
) -> APIRouter:
    """Routes of a sign-in by OpenID Connect. Its libraries are not loaded without one."""
    from services.gateway.access.oidc.provider import IdentityProvider
    from services.gateway.access.oidc.routes import CALLBACK, oidc_routes

    provider = IdentityProvider(settings, f"{settings.gateway_url}{CALLBACK}")
    return oidc_routes(provider, sessions, cookies, settings)

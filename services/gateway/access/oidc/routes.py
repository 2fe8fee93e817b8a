"""
HTTP routes of sign-in by OpenID Connect: browsers go to the provider, and come back with a code.

They are pages to a browser, so every end is a redirect: to where the person wanted to go, or to the
page for signing in, with a code that says what failed.
"""

from functools import partial
from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from heliograph.contracts.errors import QueueFull, StateConflict, Unauthenticated, Unavailable
from heliograph.runtime.access.session_cookies import SessionCookies
from heliograph.runtime.clock import now
from heliograph.runtime.http.access import ScopedRoute, public
from services.gateway.access.oidc.attempt import LIFE, SignInAttempt
from services.gateway.access.oidc.grants import granted, session_of_person
from services.gateway.access.oidc.provider import IdentityProvider
from services.gateway.access.session_service import SessionService
from services.gateway.settings import GatewaySettings

log = structlog.get_logger()

START = "/v1/session/oidc"
CALLBACK = "/v1/session/oidc/callback"
_SIGN_IN_PAGE = "/sign-in"
_COOKIE = "oidc"  #: what the name of the cookie of an attempt ends with

Text = Annotated[str, Query(max_length=4096)]


def oidc_routes(
    provider: IdentityProvider,
    sessions: SessionService,
    cookies: SessionCookies,
    settings: GatewaySettings,
) -> APIRouter:
    """Routes of sign-in. The provider may add parameters of its own to what it sends back."""
    failed = partial(_failed, settings.path_prefix + _SIGN_IN_PAGE)
    router = APIRouter(tags=["sessions"], route_class=ScopedRoute, include_in_schema=False)

    @router.get(START)
    @public
    async def begin_sign_in(return_to: Text = "") -> RedirectResponse:
        attempt = SignInAttempt.begin(return_to, first_page=f"{settings.path_prefix}/")
        try:
            response = _redirect(await provider.authorization_url(attempt))
        except Unavailable as error:
            return failed("unavailable", str(error))
        cookies.set(response, attempt.to_cookie(), seconds=LIFE, suffix=_COOKIE)
        return response

    @router.get(CALLBACK)
    @public
    async def end_sign_in(
        request: Request, code: Text = "", state: Text = "", error: Text = "", iss: Text = ""
    ) -> RedirectResponse:
        attempt = SignInAttempt.from_cookie(cookies.value(request, suffix=_COOKIE) or "")
        if attempt is None:
            return failed("expired", "the attempt is over, or of another browser")
        if error:
            return failed("denied", error)
        if not attempt.is_state(state) or iss not in ("", settings.oidc_issuer):
            return failed("expired", "the response is to another attempt, or of another provider")
        try:
            response = await _signed_in(code, attempt)
        except Unauthenticated as reason:
            response = failed("denied", str(reason))
        except (Unavailable, QueueFull, StateConflict) as reason:
            response = failed("unavailable", str(reason))
        cookies.clear(response, suffix=_COOKIE)
        return response

    async def _signed_in(code: str, attempt: SignInAttempt) -> RedirectResponse:
        """Raises Unauthenticated, Unavailable, QueueFull and StateConflict."""
        claims = await provider.claims(code, attempt)
        grant = granted(claims, settings.oidc_claim, settings.oidc_grants)
        if grant is None:
            return failed("not_allowed", "no grant is for this person")
        record = session_of_person(claims, grant, now(), sessions.life)
        token, session = await sessions.begin(record)
        response = _redirect(attempt.return_to)
        cookies.set_session(response, token, session.expires_at)
        return response

    return router


def _redirect(url: str) -> RedirectResponse:
    return RedirectResponse(url, status_code=302)


def _failed(page: str, code: str, reason: str) -> RedirectResponse:
    """Redirect to the sign-in page. The provider's error is only logged."""
    log.warning("Sign-in failed", code=code, reason=reason[:200])
    return _redirect(f"{page}?{urlencode({'failed': code})}")

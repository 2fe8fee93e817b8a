"""HTTP routes of sessions: a browser signs in once, and is known by a cookie that no script reads."""

from fastapi import APIRouter, Request, Response

from heliograph.contracts.errors import Forbidden, QueueFull, StateConflict
from heliograph.contracts.sessions import Session, SignIn
from heliograph.runtime.access.session_cookies import SessionCookies
from heliograph.runtime.http.access import CurrentPrincipal, needs, public
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.problem_responses import OF_A_BODY, problems
from heliograph.runtime.http.strict_route import create_router
from services.gateway.access.session_service import SessionService


def session_routes(sessions: SessionService, cookies: SessionCookies) -> APIRouter:
    """Routes of sessions."""
    router = create_router("sessions")

    @router.post(
        "/session",
        status_code=201,
        response_model=Session,
        response_description="The session; `Set-Cookie` carries its token",
        responses=problems(*OF_A_BODY, StateConflict, QueueFull),
        summary="Sign in with a key",
    )
    @public
    async def sign_in(body: SignIn, request: Request) -> Response:
        _require_own_page(cookies, request)
        token, session = await sessions.sign_in(body.key)
        response = json_response(session.model_dump(mode="json"), 201)
        cookies.set_session(response, token, session.expires_at)
        return response

    @router.get(
        "/session",
        response_model=Session,
        response_description="The session",
        responses=problems(),
        summary="The session of this request, with its scopes",
    )
    @needs()
    async def get_session(principal: CurrentPrincipal) -> Response:
        return json_response(sessions.view(principal).model_dump(mode="json"))

    @router.delete(
        "/session",
        status_code=204,
        response_class=Response,
        response_description="The session has ended",
        responses=problems(Forbidden),
        summary="Sign out",
    )
    @public
    async def sign_out(request: Request) -> Response:
        _require_own_page(cookies, request)
        if token := cookies.token(request):
            await sessions.end(token)
        response = Response(status_code=204)
        cookies.clear(response)
        return response

    return router


def _require_own_page(cookies: SessionCookies, request: Request) -> None:
    """Raises Forbidden for a page of another site, which may not sign users in or out."""
    if not cookies.pages.has_made(request):
        raise Forbidden

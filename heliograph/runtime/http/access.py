"""
Authorization of HTTP routes: each declares the scope that it needs, and is checked before its body is read.

A route that declares nothing is refused to everybody but holders of `admin`, once keys are on.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar, cast

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from heliograph.contracts.authorization import ANYBODY, Principal, RequiredScope
from heliograph.contracts.errors import RequestError, ServiceError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

SECURITY_SCHEME = "key"  #: in OpenAPI documents


@dataclass(frozen=True)
class Requirement:
    """Access requirement of a route."""

    scope: RequiredScope | None = None  #: null: any key will do
    is_public: bool = False  #: no key is needed
    names_jobs: bool = False  #: the route looks by itself which jobs a request is about


_UNDECLARED = Requirement("admin")


class AccessCheck(Protocol):
    """Authenticates and authorizes requests."""

    async def check(self, request: HTTPConnection, requirement: Requirement) -> Principal:
        """
        The principal of a request, if it is authorized.

        Raises:
            Unauthenticated: The request has no valid key.
            InsufficientScope: The key does not have the scope.
            NotFound: The resource belongs to a project that the key may not access.
            Unavailable: The key cannot be checked at the moment.
        """

    def confirm(self, principal: Principal) -> None:
        """
        Check again that a principal is still valid.

        Raises:
            Unauthenticated: The key was revoked, or has expired.
            Unavailable: The key cannot be checked at the moment.
        """


class OpenAccess:
    """`AccessCheck` of `HELIOGRAPH_AUTH=off`."""

    async def check(self, request: HTTPConnection, requirement: Requirement) -> Principal:
        return ANYBODY

    def confirm(self, principal: Principal) -> None:
        pass


def needs(
    scope: RequiredScope | None = None, *, names_jobs: bool = False
) -> Callable[[Endpoint], Endpoint]:
    """Declares the scope that a route needs (None: any key will do), see `Requirement`."""
    return _declared(Requirement(scope, names_jobs=names_jobs))


def public(endpoint: Endpoint) -> Endpoint:
    """Declares that a route needs no key."""
    return _declared(Requirement(is_public=True))(endpoint)


def _declared(requirement: Requirement) -> Callable[[Endpoint], Endpoint]:
    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.requirement = requirement  # type: ignore[attr-defined]  # functions have any
        return endpoint

    return declare


def declared_requirement(endpoint: Callable[..., Any]) -> Requirement | None:
    """The requirement that a route declares; None without one."""
    return getattr(endpoint, "requirement", None)


class ScopedRoute(APIRoute):
    """A route that is checked before anything of its request is read."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.requirement = declared_requirement(endpoint) or _UNDECLARED
        if not self.requirement.is_public:
            scopes = [self.requirement.scope] if self.requirement.scope else []
            security = {"security": [{SECURITY_SCHEME: scopes}]}
            self.openapi_extra = {**(self.openapi_extra or {}), **security}

    def get_route_handler(self) -> Handler:
        handle = self.get_unchecked_handler()

        async def handle_checked(request: Request) -> Response:
            if not self.requirement.is_public:
                check = access_of(request.app).check
                request.scope[_PRINCIPAL] = await check(request, self.requirement)
            return await handle(request)

        return handle_checked

    def get_unchecked_handler(self) -> Handler:
        """The handler behind the check."""
        return super().get_route_handler()


_PRINCIPAL = "heliograph.principal"  #: in the ASGI scope


def set_access(app: FastAPI, access: AccessCheck) -> None:
    """Check the routes of an application."""
    app.state.access = access


def access_of(app: FastAPI) -> AccessCheck:
    """The check of an application."""
    return cast(AccessCheck, app.state.access)


async def principal_of(request: HTTPConnection) -> Principal:
    """The principal of a checked request. A coroutine: FastAPI calls functions in a thread."""
    return cast(Principal, request.scope.get(_PRINCIPAL, ANYBODY))


async def has_scope(request: HTTPConnection, scope: RequiredScope) -> bool:
    """Whether the principal of a request to a public route has a scope."""
    try:
        await access_of(request.app).check(request, Requirement(scope))
    except (RequestError, ServiceError):
        return False
    return True


CurrentPrincipal = Annotated[Principal, Depends(principal_of)]

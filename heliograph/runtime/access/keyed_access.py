"""
Access check by API keys, tokens and sessions: who makes a request, and whether its scope and project
allow it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import HTTPConnection

from heliograph.contracts.access_keys import PREFIX, parse_key
from heliograph.contracts.authorization import Principal, require_project, require_scope
from heliograph.contracts.errors import InsufficientScope, NotFound, Unauthenticated
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.ids import matches
from heliograph.runtime.access.key_cache import KeyCache
from heliograph.runtime.access.session_cache import SessionCache
from heliograph.runtime.access.session_cookies import SessionCookies
from heliograph.runtime.clock import now
from heliograph.runtime.http.access import Requirement

if TYPE_CHECKING:
    from heliograph.runtime.access.jwt_tokens import TokenVerifier

_BEARER = "bearer"


class ResourceOwner(NamedTuple):
    """Finds the project of a resource by the path parameter that names the resource."""

    pattern: str  #: of its names
    find: Callable[[str], Awaitable[str | None]]


class Sessions(NamedTuple):
    """Sessions, and the cookies by which browsers name them."""

    cache: SessionCache
    cookies: SessionCookies


class KeyedAccess:
    """
    `AccessCheck` of `HELIOGRAPH_AUTH=keys`.

    A route whose path names a project is bound to it. One whose path names a job, a batch or an asset
    is bound to the project of that; for keys of some projects only, this costs a look-up.
    """

    def __init__(
        self,
        keys: KeyCache,
        sessions: Sessions,
        owners: Mapping[str, ResourceOwner],
        tokens: "TokenVerifier | None" = None,
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._owners = owners
        self._tokens = tokens

    async def check(self, request: HTTPConnection, requirement: Requirement) -> Principal:
        """The authorized principal of a request; see `AccessCheck`."""
        principal = await self._authenticate(request)
        require_scope(principal, requirement.scope)
        if project := request.path_params.get("project"):
            require_project(principal, project)
        if principal.projects is not None:
            await self._check_owners(principal, request)
        if principal.jobs is not None and requirement.scope and not requirement.names_jobs:
            _check_jobs(principal, request)
        return principal

    def confirm(self, principal: Principal) -> None:
        """Whether a principal still may go on, see `AccessCheck`."""
        if principal.session:
            self._sessions.cache.principal(principal.session)
        elif principal.id:
            self._keys.principal(principal.id, principal.key_digest)
        if principal.expires_at and now() >= principal.expires_at:
            raise Unauthenticated

    async def _authenticate(self, request: HTTPConnection) -> Principal:
        """Authenticate by the `Authorization` header if there is one, else by the cookie."""
        if header := request.headers.get("authorization"):
            return await self._bearer(header)
        if token := self._sessions.cookies.token(request):
            await self._sessions.cache.until_current()
            return self._sessions.cache.authenticate(token)
        raise Unauthenticated

    async def _bearer(self, header: str) -> Principal:
        scheme, _, text = header.partition(" ")
        if scheme.lower() != _BEARER:
            raise Unauthenticated
        if key := parse_key(text.strip()):
            await self._keys.until_current()
            return self._keys.authenticate(key)
        if self._tokens is None or text.startswith(PREFIX):
            raise Unauthenticated
        return self._tokens.verify(text.strip(), now())

    async def _check_owners(self, principal: Principal, request: HTTPConnection) -> None:
        """Raises NotFound, with the same message as for a resource that does not exist."""
        for parameter, owner in self._owners.items():
            name = request.path_params.get(parameter)
            if name is None or not matches(owner.pattern, name):
                continue
            project = await owner.find(name)
            if project is None or not principal.sees(project):
                raise NotFound(f"there is no {parameter} {name}")


def _check_jobs(principal: Principal, request: HTTPConnection) -> None:
    """
    Raises:
        NotFound: The request concerns a job that the principal may not see.
        InsufficientScope: The request concerns more than the principal's jobs.
    """
    job, asset = request.path_params.get("job"), request.path_params.get("asset")
    if asset is not None:
        job = job_of_asset(asset)[0]
    if job is None:
        raise InsufficientScope("this is about more than the jobs of the token")
    if not principal.sees_job(job):
        raise NotFound(f"there is no {'asset' if asset else 'job'} {asset or job}")

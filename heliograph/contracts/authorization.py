"""
Authorization: what a principal may do, decided by its scopes and its projects alone.

`admin` includes every scope, within the projects of its holder. `internal` is of our own services; no
key that anybody can ask for has it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from heliograph.contracts.errors import InsufficientScope, NotFound

Scope = Literal[
    "jobs:read",
    "jobs:write",
    "assets:read",
    "lanes:write",
    "projects:write",
    "usage:read",
    "metrics:read",
    "keys:write",
    "admin",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)
INTERNAL = "internal"

RequiredScope = Scope | Literal["internal"]


@dataclass(frozen=True)
class Principal:
    """The authenticated maker of a request: holder of a key, a token or a ticket."""

    id: str  #: public id of the key it goes back to; empty: none, as of a token of the app
    scopes: frozenset[str]
    projects: frozenset[str] | None  #: null: all
    jobs: frozenset[str] | None = None  #: the only ones; null: all of the projects
    user: str | None = None  #: whom the app made a token for
    expires_at: datetime | None = None
    session: str | None = None  #: digest of the session that it came by
    subject: str | None = None  #: who it is, in the words of the identity provider
    #: of the key as it was when it came; null: it came without a key, or that is not known
    key_digest: str | None = field(default=None, repr=False, compare=False)

    def has_scope(self, scope: str) -> bool:
        """Whether a scope is among those of the principal, or in `admin`."""
        return scope in self.scopes or ("admin" in self.scopes and scope != INTERNAL)

    def sees(self, project: str) -> bool:
        """Whether a project is one of the principal's."""
        return self.projects is None or project in self.projects

    def sees_job(self, job: str) -> bool:
        """Whether a job of its projects is one that the principal may see."""
        return self.jobs is None or job in self.jobs


#: everybody, with `HELIOGRAPH_AUTH=off`
ANYBODY = Principal(id="", scopes=frozenset({*SCOPES, INTERNAL}), projects=None)


def require_scope(principal: Principal, scope: RequiredScope | None) -> None:
    """Raises InsufficientScope: it names the scope. None: any principal will do."""
    if scope is not None and not principal.has_scope(scope):
        raise InsufficientScope(f"this needs the scope {scope}")


def require_project(principal: Principal, project: str) -> None:
    """Raises NotFound: to the principal, projects of others do not exist."""
    if not principal.sees(project):
        raise NotFound(f"there is no project {project}")

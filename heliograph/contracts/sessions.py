"""
Sessions of people who signed in on a page for some hours, as stored and as shown.

Nothing here does I/O: the decisions are functions of a record and of the time. A session by a key may
do what the key may do now, as long as the secret works that it began with; one by an identity provider,
what its claims came to as it began.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from heliograph.contracts.authorization import ANYBODY, Principal
from heliograph.contracts.key_records import ALL_PROJECTS
from heliograph.contracts.tolerant_reader import Tolerant

MAX_SESSION_HOURS = 168  #: of the longest session
_MAX_KEY = 256  #: characters of what is sent as a key


class SessionRecord(Tolerant):
    """A session, kept under the digest of its token."""

    key: str | None = None  #: id of the key it is by; null: an identity provider
    #: of that key as it was; null: an earlier release did not note it, and rotating the key ends nothing
    key_digest: str | None = None
    subject: str | None = None  #: who it is, in the words of the identity provider
    name: str
    scopes: list[str] = Field(default_factory=list)  #: of those without a key
    projects: list[str] = Field(default_factory=list)  #: of those without a key; `*` alone: all
    created_at: AwareDatetime
    expires_at: AwareDatetime


class SignIn(BaseModel):
    """The key to sign in with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, StringConstraints(min_length=1, max_length=_MAX_KEY)] = Field(
        description="An API key", examples=["hg_live_<id>_<secret>"]
    )


class Session(BaseModel):
    """The authenticated principal, with its scopes and projects."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    by: Literal["key", "oidc", "token", "nobody"] = Field(
        description=(
            "Means of authentication: a key, an identity provider, a token of the application, or "
            "none where authentication is off"
        )
    )
    name: str | None = Field(description="Name of the key or the person")
    key: str | None = Field(description="Id of the key")
    scopes: list[str] = Field(description="Granted scopes; `admin` includes all")
    projects: list[str] | None = Field(description="Accessible projects; null: all")
    expires_at: AwareDatetime | None = Field(description="End of the session; null: no end")


def session_of_key(holder: Principal, name: str, now: datetime, life: timedelta) -> SessionRecord:
    """A session by a key, which it does not outlive."""
    end = now + life
    return SessionRecord(
        key=holder.id,
        key_digest=holder.key_digest,
        name=name,
        created_at=now,
        expires_at=min(end, holder.expires_at) if holder.expires_at else end,
    )


def is_open(record: SessionRecord, now: datetime) -> bool:
    """Whether a session has not expired."""
    return now < record.expires_at


def principal_by_key(record: SessionRecord, holder: Principal, digest: str) -> Principal:
    """Whom a session by a key is for: the key's holder, for as long as both last."""
    ends = [end for end in (record.expires_at, holder.expires_at) if end]
    return replace(holder, session=digest, expires_at=min(ends))


def principal_by_provider(record: SessionRecord, digest: str) -> Principal:
    """Whom a session by an identity provider is for."""
    return Principal(
        id="",
        scopes=frozenset(record.scopes),
        projects=None if ALL_PROJECTS in record.projects else frozenset(record.projects),
        session=digest,
        subject=record.subject,
        expires_at=record.expires_at,
    )


def session_view(principal: Principal, name: str | None) -> Session:
    """A principal as it is shown to itself."""
    return Session(
        by=_known_by(principal),
        name=name,
        key=principal.id or None,
        scopes=sorted(principal.scopes),
        projects=None if principal.projects is None else sorted(principal.projects),
        expires_at=principal.expires_at,
    )


def _known_by(principal: Principal) -> Literal["key", "oidc", "token", "nobody"]:
    if principal is ANYBODY:
        return "nobody"
    if principal.id:
        return "key"
    return "oidc" if principal.session else "token"

"""
Records of API keys: what is kept of a key, and how it is issued, rotated, revoked and recognized.

Nothing here does I/O: the decisions are functions of a record and of the time.
"""

import hmac
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from heliograph.contracts.access_keys import KEY_ID_PATTERN, AccessKey
from heliograph.contracts.authorization import SCOPES, Principal, Scope
from heliograph.contracts.errors import KeyExceedsParent, StateConflict
from heliograph.contracts.ids import ProjectName
from heliograph.contracts.quotas import ChangeQuotas, Quotas
from heliograph.contracts.tolerant_reader import Tolerant

ALL_PROJECTS = "*"
OVERLAP = timedelta(hours=24)  #: in which a rotated key's old secret works, too
MAX_LIFE = 3650  #: days
#: life of a key created in a session at an identity provider
PERSON_LIFE = timedelta(days=365)
#: before the end of a key, the longest first
NOTICES = (timedelta(days=14), timedelta(days=3), timedelta(days=1))

KeyId = Annotated[str, StringConstraints(pattern=KEY_ID_PATTERN)]
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=128)]
_Projects = Annotated[list[ProjectName], Field(min_length=1, max_length=256)]


class KeyRecord(Tolerant):
    """A key without its secret. Scopes may be of a later release."""

    digest: str  #: SHA-256 of the key
    old_digest: str | None = None  #: of the secret that a rotation replaced
    old_until: AwareDatetime | None = None  #: when that one stops working
    name: str
    scopes: list[str]
    projects: list[str]  #: `*` alone: all
    #: id of the key that made it, or `person:<subject>`; null: an operator
    created_by: str | None = None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None  #: null: never
    revoked_at: AwareDatetime | None = None
    last_used_at: AwareDatetime | None = None  #: to the hour
    quotas: Quotas = Quotas()  #: of the jobs that are asked for with it
    #: the key itself, of the one by which our services know each other; null for all others
    text: str | None = None


class CreateKey(BaseModel):
    """A new key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: KeyName = Field(description="Purpose of the key", examples=["shop backend"])
    scopes: list[Scope] = Field(
        min_length=1, max_length=16, description="Scopes of the key", examples=[["jobs:write"]]
    )
    projects: _Projects | None = Field(
        default=None,
        description="Projects that the key may access; null: the same as the key that creates it",
    )
    expires_in_days: int | None = Field(
        default=365,
        ge=1,
        le=MAX_LIFE,
        description=(
            "Days until the key expires; not later than the key that creates it. null: the same "
            "time as that key"
        ),
    )
    quotas: ChangeQuotas | None = Field(default=None, description="Quotas of the key")


class ChangeKey(BaseModel):
    """Changes of a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quotas: ChangeQuotas = Field(
        description="Quotas of the key",
        examples=[{"requests": {"limit": 100, "window_seconds": 60}}],
    )


class RotateKey(BaseModel):
    """A new secret for a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    overlap_hours: int = Field(
        default=24, ge=0, le=168, description="Hours during which the old secret remains valid"
    )


class ListedKey(BaseModel):
    """A key as lists show it."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    id: str
    name: str
    scopes: list[str]
    projects: list[str] | None = Field(description="Projects that the key may access; null: all")
    created_by: str | None = Field(
        description=(
            "Id of the key that created it, or `person:` and the subject of a person signed in at "
            "an identity provider; null: an operator"
        )
    )
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    rotated_until: AwareDatetime | None = Field(
        description="The old secret is valid until this time"
    )
    last_used_at: AwareDatetime | None = Field(
        description="Time of the last use, truncated to the hour"
    )
    quotas: Quotas = Field(default=Quotas(), description="Quotas of the key")


class CreatedKey(ListedKey):
    """A key with its secret, which is shown this once."""

    key: str


def issue(
    request: CreateKey,
    key: AccessKey,
    parent: Principal,
    now: datetime,
    *,
    own: KeyRecord | None = None,
) -> KeyRecord:
    """
    The record of a new key, within the scopes and projects of its parent.

    Args:
        own: The parent's own key, whose life and quotas bound the new one; only a parent with `admin`
            gives it other quotas. Null: it has none.

    Raises:
        KeyExceedsParent: The key would have more access than its parent.
    """
    beyond = [scope for scope in request.scopes if not parent.has_scope(scope)]
    if beyond:
        raise KeyExceedsParent(f"the key that asks does not have {', '.join(beyond)}")
    unseen = [project for project in request.projects or () if not parent.sees(project)]
    if unseen:
        raise KeyExceedsParent(f"the key that asks is not for {', '.join(unseen)}")
    inherited = own.quotas if own else Quotas()
    if request.quotas and inherited.is_set and not parent.has_scope("admin"):
        raise KeyExceedsParent("the quotas of the key that asks are those of the new one")
    projects = request.projects or (None if parent.projects is None else sorted(parent.projects))
    return KeyRecord(
        digest=key.digest,
        name=request.name,
        scopes=sorted(set(request.scopes)),
        projects=[ALL_PROJECTS] if projects is None else projects,
        created_by=parent.id or (f"person:{parent.subject}" if parent.subject else None),
        created_at=now,
        expires_at=_end(request.expires_in_days, _latest_end(parent, own, now), now),
        quotas=inherited.changed(request.quotas) if request.quotas else inherited,
    )


def _latest_end(parent: Principal, own: KeyRecord | None, now: datetime) -> datetime | None:
    """
    Latest expiry of a key that the principal creates; null: no limit.

    A session does not limit the life of a new key; the key behind the session does. A session at an
    identity provider has no such key, so its keys have a limit of their own.
    """
    if own is not None:
        return own.expires_at
    return now + PERSON_LIFE if parent.session else parent.expires_at


def _end(days: int | None, latest: datetime | None, now: datetime) -> datetime | None:
    """Expiry of a new key."""
    return _earlier(None if days is None else now + timedelta(days=days), latest)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two ends; null: never."""
    return min((end for end in (one, other) if end), default=None)


def revoked(record: KeyRecord, now: datetime) -> KeyRecord:
    """The record of a key that works no more. Revoked again, it does not change."""
    return record if record.revoked_at else record.model_copy(update={"revoked_at": now})


def rotated(record: KeyRecord, key: AccessKey, now: datetime, overlap: timedelta) -> KeyRecord:
    """
    The record with a new secret; the old one works for `overlap` more.

    Raises:
        StateConflict: The key is revoked or expired; create another one.
    """
    if record.revoked_at or _is_over(record.expires_at, now):
        raise StateConflict("a key that is revoked or expired cannot be rotated")
    old = {"old_digest": record.digest, "old_until": now + overlap}
    return record.model_copy(update={"digest": key.digest, **old})


def changed(record: KeyRecord, change: ChangeKey, now: datetime) -> KeyRecord:
    """
    The record of a key after a change.

    Raises:
        StateConflict: The key is revoked or expired; create another one.
    """
    if record.revoked_at or _is_over(record.expires_at, now):
        raise StateConflict("a key that is revoked or expired cannot be changed")
    return record.model_copy(update={"quotas": record.quotas.changed(change.quotas)})


def used(record: KeyRecord, now: datetime) -> KeyRecord:
    """The record with its last use, to the hour."""
    return record.model_copy(
        update={"last_used_at": now.replace(minute=0, second=0, microsecond=0)}
    )


def authenticate(record: KeyRecord, key: AccessKey, now: datetime) -> Principal | None:
    """The holder of a key; None when the secret is wrong, or the key works no more."""
    return principal_of(record, key.id, now, key.digest)


def principal_of(
    record: KeyRecord, id_: str, now: datetime, digest: str | None = None
) -> Principal | None:
    """
    The holder of the key of a record; None when it is revoked or expired.

    Args:
        digest: Of the key as its holder had it: None as well once that secret works no more. Null: that
            is not known.
    """
    if record.revoked_at or _is_over(record.expires_at, now):
        return None
    end = record.expires_at
    if digest is not None and not hmac.compare_digest(record.digest, digest):
        is_old = hmac.compare_digest(record.old_digest or "", digest)
        if not is_old or _is_over(record.old_until, now):
            return None
        end = _earlier(end, record.old_until)
    projects = None if ALL_PROJECTS in record.projects else frozenset(record.projects)
    return Principal(
        id=id_,
        scopes=frozenset(record.scopes),
        projects=projects,
        expires_at=end,
        key_digest=digest,
    )


def expiry_notice(record: KeyRecord, now: datetime) -> timedelta | None:
    """
    The notice that is due of a key's expiry, which comes within that time; None: there is time.

    A key whose whole life is shorter than a notice does not get that notice.
    """
    if record.expires_at is None or record.revoked_at or _is_over(record.expires_at, now):
        return None
    life, rest = record.expires_at - record.created_at, record.expires_at - now
    return min((each for each in NOTICES if rest <= each < life), default=None)


def _is_over(end: datetime | None, now: datetime) -> bool:
    return end is not None and now >= end


def is_within(record: KeyRecord, holder: Principal) -> bool:
    """Whether a key allows no more than its holder may: then the holder may see and change it."""
    is_scoped = all(scope in SCOPES and holder.has_scope(scope) for scope in record.scopes)
    if ALL_PROJECTS in record.projects:
        return is_scoped and holder.projects is None
    return is_scoped and all(holder.sees(project) for project in record.projects)


def listed(record: KeyRecord, id_: str) -> ListedKey:
    """A key as lists show it."""
    facts = record.model_dump(include={*ListedKey.model_fields})
    projects = None if ALL_PROJECTS in record.projects else record.projects
    return ListedKey(
        **{**facts, "id": id_, "projects": projects, "rotated_until": record.old_until}
    )

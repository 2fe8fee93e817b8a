"""Grants: scopes and projects of a person, from the claims and the settings. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from heliograph.contracts.key_records import ALL_PROJECTS
from heliograph.contracts.sessions import SessionRecord
from services.gateway.oidc_settings import ANYBODY_THERE, OidcGrant

_MAX_NAME = 128  #: characters
_NAMES = ("name", "preferred_username", "email", "sub")  #: claims with the name of the person


def granted(
    claims: Mapping[str, Any], claim: str, grants: Mapping[str, OidcGrant]
) -> OidcGrant | None:
    """
    The first grant whose value the person's claim has; None: nothing is granted.

    Several are not added up: the scopes of one would hold in the projects of the other.
    """
    values = _values(claims, claim)
    return next(
        (grant for value, grant in grants.items() if value == ANYBODY_THERE or value in values),
        None,
    )


def _values(claims: Mapping[str, Any], claim: str) -> set[str]:
    """Values of the claim. An e-mail address that the provider has not verified does not count."""
    value: Any = claims
    for name in claim.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if claim == "email" and claims.get("email_verified") is not True:
        return set()
    return {
        each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)
    }


def session_of_person(
    claims: Mapping[str, Any], grant: OidcGrant, now: datetime, life: timedelta
) -> SessionRecord:
    """A session of a person who has signed in."""
    name = next(text for each in _NAMES if (text := str(claims.get(each) or "")))
    return SessionRecord(
        subject=str(claims["sub"]),
        name=name[:_MAX_NAME],
        scopes=sorted(grant.scopes),
        projects=[ALL_PROJECTS] if grant.projects is None else grant.projects,
        created_at=now,
        expires_at=now + life,
    )

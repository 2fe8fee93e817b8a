"""What somebody may do is what the settings say of the provider's claims, and nothing is added up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.gateway.access.oidc.grants import granted, session_of_person
from services.gateway.oidc_settings import OidcGrant

ADMINS = OidcGrant(scopes=["admin"])
ARTISTS = OidcGrant(scopes=["jobs:read", "jobs:write"], projects=["atelier"])
GRANTS = {"admins": ADMINS, "artists": ARTISTS}


@pytest.mark.parametrize(
    ("claims", "claim", "expected"),
    [
        ({"groups": ["artists"]}, "groups", ARTISTS),
        ({"groups": "artists"}, "groups", ARTISTS),
        ({"groups": ["artists", "admins"]}, "groups", ADMINS),
        ({"groups": ["others"]}, "groups", None),
        ({"groups": []}, "groups", None),
        ({}, "groups", None),
        ({"groups": None}, "groups", None),
        ({"groups": [1, {"artists": True}]}, "groups", None),
        ({"groups": {"artists": True}}, "groups", None),
        ({"groups": ["ARTISTS"]}, "groups", None),
        ({"realm_access": {"roles": ["artists"]}}, "realm_access.roles", ARTISTS),
        ({"realm_access": "artists"}, "realm_access.roles", None),
        ({"groups": ["*"]}, "groups", None),
    ],
)
def test_the_first_grant_that_fits_counts(
    claims: dict[str, Any], claim: str, expected: OidcGrant | None
) -> None:
    assert granted(claims, claim, GRANTS) == expected


def test_a_star_is_whoever_the_provider_signs_in() -> None:
    assert granted({}, "groups", {**GRANTS, "*": ARTISTS}) == ARTISTS


@pytest.mark.parametrize(
    ("is_verified", "expected"), [(True, ADMINS), (False, None), ("true", None)]
)
def test_an_address_counts_if_the_provider_has_verified_it(
    is_verified: Any, expected: OidcGrant | None
) -> None:
    claims = {"email": "ada@shop.example", "email_verified": is_verified}

    assert granted(claims, "email", {"ada@shop.example": ADMINS}) == expected


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": "1", "name": "Ada"}, "Ada"),
        ({"sub": "1", "preferred_username": "ada"}, "ada"),
        ({"sub": "1", "name": ""}, "1"),
        ({"sub": "1" * 200}, "1" * 128),
    ],
    ids=["name", "username", "no name", "long"],
)
def test_a_session_has_the_name_and_the_rights_of_the_person(
    claims: dict[str, Any], name: str
) -> None:
    at, life = datetime(2030, 1, 2, tzinfo=UTC), timedelta(hours=1)

    record = session_of_person(claims, ARTISTS, at, life)

    assert (record.name, record.subject, record.key) == (name, claims["sub"], None)
    assert (record.scopes, record.projects) == (["jobs:read", "jobs:write"], ["atelier"])
    assert record.expires_at == at + life
    assert session_of_person(claims, ADMINS, at, life).projects == ["*"]

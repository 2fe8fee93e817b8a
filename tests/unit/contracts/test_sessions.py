"""A session may do what its key may do, and lasts no longer than either."""

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.contracts.access_keys import new_key
from heliograph.contracts.authorization import ANYBODY, Principal
from heliograph.contracts.key_records import (
    CreateKey,
    authenticate,
    issue,
    principal_of,
    rotated,
)
from heliograph.contracts.sessions import (
    SessionRecord,
    is_open,
    principal_by_key,
    principal_by_provider,
    session_of_key,
    session_view,
)

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def holder(expires_at: datetime | None) -> Principal:
    scopes, projects = frozenset({"jobs:read"}), frozenset({"shop"})
    return Principal(id="abcd1234", scopes=scopes, projects=projects, expires_at=expires_at)


@pytest.mark.parametrize(
    ("key_ends", "ends"),
    [(None, NOW + HOUR), (NOW + HOUR / 2, NOW + HOUR / 2), (NOW + 2 * HOUR, NOW + HOUR)],
    ids=["a key without end", "a key that ends before", "a key that ends later"],
)
def test_a_session_ends_with_its_key_at_the_latest(
    key_ends: datetime | None, ends: datetime
) -> None:
    record = session_of_key(holder(key_ends), "shop backend", NOW, HOUR)

    assert record.expires_at == ends
    assert principal_by_key(record, holder(key_ends), "digest").expires_at == ends
    assert is_open(record, ends - timedelta(seconds=1))
    assert not is_open(record, ends)


def test_a_session_by_a_key_may_do_what_the_key_may_do_now() -> None:
    record = session_of_key(holder(None), "shop backend", NOW, HOUR)
    changed = Principal(id="abcd1234", scopes=frozenset(), projects=None)

    assert principal_by_key(record, changed, "digest").scopes == frozenset()


def test_a_session_ends_with_the_secret_that_it_began_with() -> None:
    key, other = new_key("abcd1234"), new_key("abcd1234")
    request = CreateKey(name="shop backend", scopes=["jobs:read"])
    before = issue(request, key, ANYBODY, NOW)
    after = rotated(before, other, NOW, HOUR)

    [old, new] = [
        session_of_key(holder, "shop backend", NOW, 2 * HOUR)
        for holder in (
            principal_of(before, key.id, NOW, key.digest),
            authenticate(after, other, NOW),
        )
        if holder
    ]

    assert principal_of(after, key.id, NOW + HOUR, old.key_digest) is None
    assert principal_of(after, key.id, NOW + HOUR, new.key_digest)


def test_a_session_by_a_provider_has_no_key() -> None:
    record = SessionRecord(
        subject="ada",
        name="Ada",
        scopes=["jobs:read"],
        projects=["*"],
        created_at=NOW,
        expires_at=NOW + HOUR,
    )
    view = session_view(principal_by_provider(record, "digest"), record.name)

    assert (view.by, view.key, view.name, view.projects) == ("oidc", None, "Ada", None)


def test_where_nobody_needs_a_key_everything_is_allowed() -> None:
    view = session_view(ANYBODY, None)

    assert (view.by, view.projects, view.expires_at) == ("nobody", None, None)
    assert "admin" in view.scopes

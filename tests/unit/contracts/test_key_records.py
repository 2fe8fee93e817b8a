"""Records of API keys: who is recognized until when, and what a key may hand on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.contracts.access_keys import AccessKey, new_key
from heliograph.contracts.authorization import ANYBODY, INTERNAL, SCOPES, Principal, Scope
from heliograph.contracts.errors import KeyExceedsParent, StateConflict
from heliograph.contracts.key_records import (
    CreateKey,
    KeyRecord,
    authenticate,
    expiry_notice,
    is_within,
    issue,
    listed,
    principal_of,
    revoked,
    rotated,
    used,
)

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
KEY = new_key()
PROJECTS = ("a", "b", "c")

scopes = st.lists(st.sampled_from(SCOPES), min_size=1, max_size=4)
projects = st.none() | st.lists(st.sampled_from(PROJECTS), min_size=1, max_size=3)
holders = st.builds(
    Principal,
    id=st.just("0" * 8),
    scopes=st.frozensets(st.sampled_from(SCOPES)),
    projects=st.none() | st.frozensets(st.sampled_from(PROJECTS), min_size=1),
    expires_at=st.none() | st.just(NOW + DAY),
)


def issued(key: AccessKey = KEY, **fields: object) -> KeyRecord:
    request = CreateKey.model_validate({"name": "test", "scopes": ["jobs:read"], **fields})
    return issue(request, key, ANYBODY, NOW)


def test_the_holder_of_a_key_is_recognized_until_it_expires() -> None:
    record = issued(expires_in_days=1)

    assert authenticate(record, KEY, NOW + DAY - SECOND) == Principal(
        id=KEY.id,
        scopes=frozenset({"jobs:read"}),
        projects=None,
        expires_at=NOW + DAY,
    )
    assert authenticate(record, KEY, NOW + DAY) is None


def test_another_secret_is_not_recognized() -> None:
    assert authenticate(issued(), new_key(KEY.id), NOW) is None


def test_a_revoked_key_is_not_recognized_and_stays_revoked() -> None:
    record = revoked(issued(), NOW)

    assert authenticate(record, KEY, NOW) is principal_of(record, KEY.id, NOW) is None
    assert revoked(record, NOW + DAY) is record


def test_both_secrets_of_a_rotated_key_work_for_a_while() -> None:
    other = new_key(KEY.id)
    record = rotated(issued(), other, NOW, DAY)

    assert authenticate(record, KEY, NOW + DAY - SECOND)
    assert authenticate(record, KEY, NOW + DAY) is None
    assert authenticate(record, other, NOW + DAY)


def test_a_holder_by_a_replaced_secret_ends_with_it() -> None:
    record = rotated(issued(expires_in_days=30), new_key(KEY.id), NOW, DAY)

    by_old = principal_of(record, KEY.id, NOW, KEY.digest)
    by_new = principal_of(record, KEY.id, NOW, record.digest)

    assert by_old
    assert by_new
    assert (by_old.expires_at, by_new.expires_at) == (NOW + DAY, NOW + 30 * DAY)
    assert principal_of(record, KEY.id, NOW + DAY, KEY.digest) is None
    assert principal_of(record, KEY.id, NOW + DAY, record.digest)
    assert principal_of(record, KEY.id, NOW + DAY)


def test_a_secret_that_was_replaced_twice_works_no_more() -> None:
    once = rotated(issued(), new_key(KEY.id), NOW, DAY)
    twice = rotated(once, new_key(KEY.id), NOW, DAY)

    assert principal_of(twice, KEY.id, NOW, KEY.digest) is None
    assert principal_of(twice, KEY.id, NOW, once.digest)


def by_session(own: KeyRecord | None) -> Principal:
    """The holder of a session that ends in an hour."""
    return Principal(
        id=KEY.id if own else "",
        scopes=frozenset({"keys:write", "jobs:read"}),
        projects=None,
        session="digest",
        subject=None if own else "ada",
        expires_at=NOW + DAY / 24,
    )


@pytest.mark.parametrize(
    ("own", "days", "life"),
    [
        (issued(expires_in_days=None), 30, 30),
        (issued(expires_in_days=None), None, None),
        (issued(expires_in_days=10), 30, 10),
        (issued(expires_in_days=10), None, 10),
        (None, 30, 30),
        (None, 3_650, 365),
        (None, None, 365),
    ],
    ids=[
        *("a key without end", "a key without end, for ever", "a key that ends before"),
        *("as long as a key", "a person", "a person for ten years", "a person for ever"),
    ],
)
def test_a_key_that_is_made_in_a_session_outlives_it(
    own: KeyRecord | None, days: int | None, life: int | None
) -> None:
    request = CreateKey(name="child", scopes=["jobs:read"], expires_in_days=days)

    made = issue(request, new_key(), by_session(own), NOW, own=own)

    assert made.expires_at == (None if life is None else NOW + life * DAY)
    assert made.created_by == (KEY.id if own else "person:ada")


def test_what_works_no_more_is_not_rotated() -> None:
    for record, at in ((revoked(issued(), NOW), NOW), (issued(expires_in_days=1), NOW + DAY)):
        with pytest.raises(StateConflict):
            rotated(record, new_key(KEY.id), at, DAY)


def test_the_last_use_is_kept_to_the_hour() -> None:
    assert used(issued(), NOW).last_used_at == datetime(2030, 1, 2, 3, tzinfo=UTC)


def test_a_list_shows_no_digest() -> None:
    record = rotated(issued(projects=["a"]), new_key(KEY.id), NOW, DAY)
    shown = listed(record, KEY.id).model_dump_json()

    assert record.digest not in shown
    assert KEY.digest not in shown
    assert listed(record, KEY.id).projects == ["a"]


@given(holder=holders, asked=scopes, of=projects)
def test_a_key_makes_no_key_that_may_more_than_itself(
    holder: Principal, asked: list[Scope], of: list[str] | None
) -> None:
    request = CreateKey(name="child", scopes=asked, projects=of)
    try:
        record = issue(request, KEY, holder, NOW)
    except KeyExceedsParent:
        assert not all(map(holder.has_scope, asked)) or not all(map(holder.sees, of or ()))
        return
    child = principal_of(record, KEY.id, NOW)

    assert child
    assert all(map(holder.has_scope, child.scopes))
    assert holder.projects is None or (child.projects and child.projects <= holder.projects)
    assert not holder.expires_at or (child.expires_at and child.expires_at <= holder.expires_at)
    assert is_within(record, holder)


def test_what_allows_more_than_its_holder_may_is_not_within() -> None:
    some = Principal("0" * 8, frozenset({"keys:write", "jobs:read"}), frozenset({"a"}))

    assert is_within(issued(projects=["a"]), some)
    assert not is_within(issued(projects=["a", "b"]), some)
    assert not is_within(issued(), some)
    assert not is_within(issued(projects=["a"], scopes=["admin"]), some)


def test_only_services_have_the_scope_of_services() -> None:
    admin = Principal("0" * 8, frozenset({"admin"}), None)

    assert all(map(admin.has_scope, SCOPES))
    assert not admin.has_scope(INTERNAL)
    with pytest.raises(ValueError, match="scopes"):
        issued(scopes=[INTERNAL])


@pytest.mark.parametrize(
    ("life", "rest", "notice"),
    [
        (365, 15, None),
        (365, 14, 14),
        (365, 3.5, 14),
        (365, 3, 3),
        (365, 0.5, 1),
        (365, 0, None),
        (14, 10, None),
        (14, 2, 3),
        (1, 0.5, None),
    ],
)
def test_notice_is_given_before_a_key_expires(life: int, rest: float, notice: int | None) -> None:
    record = issued(expires_in_days=life)
    at = NOW + life * DAY - rest * DAY

    assert expiry_notice(record, at) == (None if notice is None else notice * DAY)
    assert expiry_notice(revoked(record, NOW), at) is None


def test_a_key_that_never_expires_needs_no_notice() -> None:
    assert expiry_notice(issued(expires_in_days=None), NOW) is None

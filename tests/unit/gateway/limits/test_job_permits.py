"""A permit is for one job, there are as many as the quota says, and those that are not needed are free."""

import pytest

from services.gateway.limits.job_permits import State, grant, needed

NOW = 1_000_000.0


def test_claims_are_granted_in_order_until_there_are_no_more_permits() -> None:
    holders, granted = grant({"a": 1.0}, [(["b"], 3), (["c", "d"], 3), (["e"], 3)], NOW)

    assert granted == [["b"], None, ["e"]]
    assert holders == {"a": 1.0, "b": NOW, "e": NOW}


def test_a_job_that_has_its_permit_needs_no_other() -> None:
    holders, granted = grant({"a": 1.0}, [(["a"], 1)], NOW)

    assert (holders, granted) == ({"a": 1.0}, [[]])


def test_a_lower_limit_takes_no_permit_away() -> None:
    holders, granted = grant({"a": 1.0, "b": 1.0}, [(["c"], 1), (["a"], 1)], NOW)

    assert (holders, granted) == ({"a": 1.0, "b": 1.0}, [None, []])


@pytest.mark.parametrize(
    ("state", "status", "is_needed"),
    [
        ("in_flight", "queued", True),
        ("in_flight", "running", True),
        ("in_flight", "succeeded", False),
        ("in_flight", "failed", False),
        ("queued", "queued", True),
        ("queued", "running", False),
        ("queued", "canceled", False),
    ],
)
def test_a_job_needs_its_permit_until_it_has_ended_or_started(
    state: State, status: str, *, is_needed: bool
) -> None:
    assert bool(needed({"a": 1.0}, {"a": status}, state, NOW)) is is_needed


def test_a_job_that_was_never_accepted_keeps_its_permit_for_a_minute() -> None:
    holders = {"young": NOW - 59, "old": NOW - 61}

    assert needed(holders, {}, "in_flight", NOW) == {"young": NOW - 59}

"""A request counts for its project, for the key that it came with, and for its user."""

from typing import Any

from heliograph.contracts.quotas import ChangeProjectQuotas, ProjectQuotas, Quotas
from services.gateway.limits.quota_holders import holders_of, jobs_by_holder
from tests.support.records import a_record

FEW = Quotas(jobs_in_flight=1)


def names(own: ProjectQuotas, of_key: Quotas | None = None, **who: Any) -> list[str]:
    who = {"user": "alice", "key": "k1", **who}
    return [
        each.name.partition(".")[0] for each in holders_of("demo", own=own, of_key=of_key, **who)
    ]


def test_without_quotas_nobody_is_asked() -> None:
    assert names(ProjectQuotas(), Quotas()) == []


def test_everybody_with_quotas_is_asked() -> None:
    own = ProjectQuotas(jobs_queued=1, user=FEW)

    assert names(own, FEW) == ["project", "key", "user"]
    assert names(own, FEW, user=None) == ["project", "key"]
    assert names(own, None, key=None) == ["project", "user"]


def test_a_user_is_one_in_each_project_and_not_named() -> None:
    own = ProjectQuotas(user=FEW)
    [here], [there] = ([*holders_of(p, "alice", None, own, None)] for p in ("a", "b"))

    assert here.name != there.name
    assert "alice" not in here.name + here.title


def test_jobs_of_a_batch_are_counted_for_each_of_their_users() -> None:
    own = ProjectQuotas(jobs_in_flight=9, user=FEW)
    records = [a_record(project="demo", user=user) for user in ("alice", "bob", "alice", None)]

    counted = jobs_by_holder(records, own, None)

    assert sorted(len(each.jobs) for each in counted) == [1, 2, 4]
    assert {each.holder.name.partition(".")[0] for each in counted} == {"project", "user"}


def changed(before: ProjectQuotas, **change: Any) -> ProjectQuotas:
    return before.after(ChangeProjectQuotas.model_validate(change))


def test_a_change_leaves_what_it_does_not_name() -> None:
    first = changed(ProjectQuotas(), jobs_queued=5, user={"jobs_in_flight": 2})
    second = changed(first, requests={"limit": 100}, user={"jobs_queued": 3})

    assert second.jobs_queued == 5
    assert second.requests
    assert (second.requests.limit, second.requests.window_seconds) == (100, 60)
    assert (second.user.jobs_in_flight, second.user.jobs_queued) == (2, 3)


def test_what_is_null_goes() -> None:
    before = changed(ProjectQuotas(), jobs_queued=5, user={"jobs_in_flight": 2, "jobs_queued": 3})

    assert changed(before, jobs_queued=None).jobs_queued is None
    assert changed(before, user={"jobs_queued": None}).user == Quotas(jobs_in_flight=2)
    assert not changed(before, user=None).user.is_set

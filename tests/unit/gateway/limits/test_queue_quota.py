"""What may wait is bounded in all and by project, however many projects there are."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from heliograph.contracts.errors import QueueFull, TooManyJobs
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.queries import Query, Reply
from heliograph.contracts.queries.scheduler import LaneState, LaneStates
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.bus.work_queue import ticket_for
from services.gateway.limits.lanes_accounts import LimitAdmin
from services.gateway.limits.queue_quota import QueueQuota
from services.render.scheduler.lane_state import LaneScheduler
from services.render.scheduler.round_robin import QueuedJob
from tests.support.records import a_record
from tests.support.replies import Replies

_NONE = cast(Any, None)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
MANY, EACH = 600, 20  #: projects, more than a lane names; jobs of each


def a_lane(waiting: dict[str, int]) -> LaneState:
    """A lane for which so many jobs of each project wait."""
    lane, ticket = LaneScheduler("image", 1), ticket_for(a_record())
    names = (project for project, jobs in waiting.items() for _ in range(jobs))
    for sequence, project in enumerate(names, 1):
        own = replace(ticket, job=new_job_id(), project=project)
        lane.queue.add(QueuedJob(sequence, own, NOW), NOW)
    return lane.state({})


def _limits(request: RequestReply) -> LimitAdmin:
    return LimitAdmin(
        request=request, notify=_NONE, catalog=_NONE, lane_limits=_NONE, permits=_NONE
    )


async def looked(*lanes: LaneState, limit: int, project_limit: int = 1_000) -> QueueQuota:
    """A backlog that has just asked the dispatcher."""
    limits = _limits(Replies(LaneStates(lanes=list(lanes))))
    quota = QueueQuota(limits, limit=limit, project_limit=project_limit)
    await quota.look()
    return quota


async def test_jobs_of_projects_that_a_lane_does_not_name_count_in_all() -> None:
    lane = a_lane({f"p{n}": EACH for n in range(MANY)})
    assert len(lane.projects) < MANY

    quota = await looked(lane, limit=MANY * EACH + 1)

    quota.reserve("demo")
    with pytest.raises(QueueFull):
        quota.reserve("demo")


async def test_all_lanes_count_together() -> None:
    quota = await looked(a_lane({"a": 3, "b": 2}), a_lane({"a": 4}), limit=10, project_limit=7)

    with pytest.raises(TooManyJobs):
        quota.reserve("a")
    quota.reserve("b")
    with pytest.raises(QueueFull):
        quota.reserve("b")


async def test_what_is_accepted_while_the_dispatcher_is_asked_counts_on_top() -> None:
    """Its reply may not know of it."""
    quota: QueueQuota

    class Busy(Replies):
        async def __call__(self, query: Query[Reply], *, timeout: float = 5) -> Reply:
            quota.reserve("b", 2)
            return await super().__call__(query)

    limits = _limits(Busy(LaneStates(lanes=[a_lane({"a": 3})])))
    quota = QueueQuota(limits, limit=6, project_limit=5)
    quota.reserve("a")  # the reply knows of it
    await quota.look()

    quota.reserve("a")
    with pytest.raises(QueueFull):
        quota.reserve("a")


async def test_a_large_project_is_bounded_among_many_small_ones() -> None:
    small = {f"p{n}": 1 for n in range(MANY)}
    quota = await looked(a_lane(small | {"large": 7}), limit=10_000, project_limit=7)

    quota.reserve("p0")
    with pytest.raises(TooManyJobs):
        quota.reserve("large")

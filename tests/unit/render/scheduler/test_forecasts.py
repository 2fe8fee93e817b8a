"""A forecast is what the position would be, and leaves the queue as it was."""

from datetime import UTC, datetime

import pytest

from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.queries.scheduler import NewJob
from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.requests import Priority
from heliograph.runtime.bus import AccountUsage
from services.render.scheduler.forecasts import forecast
from services.render.scheduler.lane_state import LaneScheduler
from services.render.scheduler.round_robin import QueuedJob

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OPEN = {"sim": AccountUsage({}, None)}


def a_lane(*projects: str, cap: int = 2, in_use: int = 2) -> LaneScheduler:
    """A lane with a job of each of some projects, in this order."""
    lane = LaneScheduler("shots", cap)
    lane.in_use = in_use
    for sequence, project in enumerate(projects, start=1):
        ticket = Ticket(new_job_id(), project, "shots", "normal", "sim")
        lane.queue.add(QueuedJob(sequence, ticket, NOW), NOW)
    return lane


def new(project: str, priority: Priority = "normal") -> NewJob:
    return NewJob(lane="shots", project=project, priority=priority, account="sim")


def turns(lane: LaneScheduler, *jobs: NewJob) -> list[int | None]:
    return [each.position for each in forecast(lane, jobs, OPEN, 10.0, NOW)]


def test_an_empty_lane_begins_at_once() -> None:
    [predicted] = forecast(a_lane(in_use=0), [new("a")], OPEN, 10.0, NOW)

    assert (predicted.position, predicted.eta_seconds, predicted.blocked) == (1, 10.0, None)


def test_a_new_project_has_its_turn_after_one_job_of_each_other() -> None:
    assert turns(a_lane("a", "a", "a", "b"), new("c")) == [3]
    assert turns(a_lane("a", "a", "a", "b"), new("a")) == [5]


def test_jobs_of_one_list_stand_behind_each_other() -> None:
    assert turns(a_lane("a", "a"), new("b"), new("b"), new("b")) == [2, 4, 5]


def test_priority_comes_first() -> None:
    assert turns(a_lane("a", "a", "a"), new("b", "high")) == [1]


def test_a_forecast_leaves_the_queue_as_it_was() -> None:
    lane = a_lane("a", "b", "a")
    before = [ticket for ticket, _ in lane.upcoming()]

    forecast(lane, [new("a"), new("c")], OPEN, 10.0, NOW)

    assert [ticket for ticket, _ in lane.upcoming()] == before
    assert lane.queue.accounts() == {"sim"}
    assert len(lane.queue) == 3


def test_what_holds_a_lane_up_is_said_instead_of_a_time() -> None:
    full = {"sim": AccountUsage({"job_1": 1}, 1)}

    [predicted] = forecast(a_lane(), [new("a")], full, 10.0, NOW)

    assert predicted.position == 1
    assert predicted.eta_seconds is None
    assert predicted.blocked == "account sim is full: 1 at once"


@pytest.mark.parametrize(("waiting", "position"), [(999, 1_000), (1_000, None)])
def test_turns_that_are_far_back_are_not_forecast(waiting: int, position: int | None) -> None:
    assert turns(a_lane(*["a"] * waiting), new("a")) == [position]

"""The queue of a lane says of each job when its turn is, and why it waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.limits import LaneLimit
from heliograph.contracts.queries.scheduler import WaitingJob
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from services.render.scheduler.lane_state import LaneScheduler
from services.render.scheduler.round_robin import QueuedJob
from services.render.scheduler.wait_reasons import ineligible_jobs, next_jobs

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FREE = AccountUsage({}, None)
FULL = AccountUsage({"job_x": 1}, 1)
BROKEN = AccountUsage({}, None, CircuitBreaker(reason="it is down", until=NOW + timedelta(hours=1)))


def a_ticket(number: int, project: str = "alice", **fields: Any) -> Ticket:
    known = {"lane": "shots", "priority": "normal", "account": "sim"}
    return Ticket(**{"job": f"job_{number}", "project": project, **known, **fields})


def a_lane(*tickets: Ticket, in_use: int = 0, **limit: Any) -> LaneScheduler:
    lane = LaneScheduler("shots", 2)
    lane.limit, lane.in_use = LaneLimit(**{"cap": 2, **limit}), in_use
    for number, ticket in enumerate(tickets, start=1):
        lane.queue.add(QueuedJob(number, ticket, NOW), NOW)
    return lane


def upcoming(lane: LaneScheduler, usage: AccountUsage = FREE, limit: int = 50) -> list[WaitingJob]:
    return list(next_jobs(lane, {"sim": usage}, 10, NOW, limit))


def test_jobs_are_in_the_order_of_their_turns_across_projects() -> None:
    tickets = [a_ticket(1), a_ticket(2), a_ticket(3, "bob")]

    positions = upcoming(a_lane(*tickets, in_use=2))

    assert [each.job for each in positions] == ["job_1", "job_3", "job_2"]
    assert [each.position for each in positions] == [1, 2, 3]
    assert [each.before_in_project for each in positions] == [0, 0, 1]
    assert [each.eta_seconds for each in positions] == [15, 20, 25]
    assert {each.reason for each in positions} == {"lane_full"}
    assert positions[2].detail == "lane shots is full: 2 of 2; 2 before it"


def test_a_job_that_was_moved_comes_before_those_in_the_queue() -> None:
    lane = a_lane(a_ticket(1))
    lane.note_moved(a_ticket(2))

    first, second = upcoming(lane)

    assert (first.job, first.waiting_since) == ("job_2", None)
    assert (second.job, second.position, second.waiting_since) == ("job_1", 2, NOW)


def test_a_job_whose_turn_it_is_waits_for_nothing_else() -> None:
    [job] = upcoming(a_lane(a_ticket(1)))

    assert (job.reason, job.detail) == ("turn", "it is the next to start")


@pytest.mark.parametrize(
    ("usage", "limit", "reason", "words"),
    [
        (FREE, {"paused": True}, "lane_paused", "lane shots is paused"),
        (FULL, {}, "account_full", "account sim is full: 1 at once"),
        (BROKEN, {}, "breaker_open", "circuit breaker of account sim is open: it is down"),
    ],
)
def test_what_holds_a_job_up_beside_its_turn_is_said_and_makes_no_promise(
    usage: AccountUsage, limit: dict[str, Any], reason: str, words: str
) -> None:
    [job] = upcoming(a_lane(a_ticket(1), **limit), usage)

    assert (job.reason, job.detail, job.position) == (reason, words, 1)
    assert job.eta_seconds is None


def test_jobs_without_a_turn_say_for_what_they_wait() -> None:
    later = NOW + timedelta(minutes=1)
    lane = a_lane(a_ticket(1, after=("job_8", "job_9")), a_ticket(2, not_before=later), a_ticket(3))

    delayed, held = ineligible_jobs(lane, {"job_1": ["job_9"]}.__getitem__, 50)

    assert (delayed.job, delayed.reason) == ("job_2", "delayed")
    assert delayed.detail == "is tried again at 00:01:00 UTC"
    assert (held.job, held.reason, held.detail) == ("job_1", "dependencies", "waits for job_9")
    assert (held.position, held.eta_seconds) == (None, None)
    assert len(list(ineligible_jobs(lane, lambda job: [], 1))) == 1


def test_no_more_jobs_are_listed_than_asked_for() -> None:
    assert len(upcoming(a_lane(*map(a_ticket, range(9))), limit=4)) == 4

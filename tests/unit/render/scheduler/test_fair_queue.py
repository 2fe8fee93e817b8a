"""Projects take turns, priorities have their weight, and nobody waits longer than was said."""

import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.contracts.queue_entries import Ticket
from heliograph.contracts.requests import PRIORITIES, Priority
from services.render.scheduler.fair_queue import FairQueue
from services.render.scheduler.round_robin import HasRoom, QueuedJob, RoundRobin

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(minutes=1)

thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

priorities = st.sampled_from(PRIORITIES)
projects = st.sampled_from(["alice", "bob", "carol", "dan"])
accounts = st.sampled_from(["fal", "sim"])


def everywhere(_: str) -> bool:
    """Every account has room."""
    return True


def a_job(
    sequence: int,
    project: str = "alice",
    priority: Priority = "normal",
    account: str = "sim",
    *,
    job: str | None = None,
    not_before: datetime | None = None,
    after: Iterable[str] = (),
) -> QueuedJob:
    ticket = Ticket(
        job=job or f"job_{sequence}",
        project=project,
        lane="shots",
        priority=priority,
        account=account,
        not_before=not_before,
        after=tuple(after),
    )
    return QueuedJob(sequence, ticket, NOW)


def a_lane(*jobs: QueuedJob) -> FairQueue:
    lane = FairQueue()
    for job in jobs:
        lane.add(job, NOW)
    return lane


def drain(
    lane: FairQueue, at: datetime = NOW, has_room: HasRoom = everywhere, holders: Iterable[str] = ()
) -> Iterator[QueuedJob]:
    """Everything that may run, in order of turns."""
    while (waiting := lane.next(at, has_room, holders)) is not None:
        yield waiting


def names(turns: Iterable[QueuedJob]) -> list[str]:
    return [waiting.ticket.job for waiting in turns]


def owners(turns: Iterable[QueuedJob]) -> list[str]:
    return [waiting.ticket.project for waiting in turns]


def take(lane: FairQueue, turns: int) -> list[QueuedJob]:
    """The jobs that have the next few turns."""
    return list(islice(drain(lane), turns))


def next_priorities(lane: FairQueue, turns: int) -> list[Priority]:
    return [waiting.ticket.priority for waiting in take(lane, turns)]


@st.composite
def crowds(draw: st.DrawFn, most: int = 40) -> list[QueuedJob]:
    """Jobs of several projects, priorities and accounts, in the order in which they came."""
    mixes = st.tuples(projects, priorities, accounts)
    return [
        a_job(number, project, priority, account)
        for number, (project, priority, account) in enumerate(
            draw(st.lists(mixes, min_size=1, max_size=most)), start=1
        )
    ]


# -- between projects


def test_an_empty_lane_has_no_next_job() -> None:
    lane = FairQueue()

    assert len(lane) == 0
    assert lane.next(NOW, everywhere) is None
    assert lane.first() is None
    assert lane.position("job_1") is None


def test_the_jobs_of_one_project_run_in_the_order_in_which_they_came() -> None:
    assert names(drain(a_lane(*(a_job(n) for n in range(1, 6))))) == [
        f"job_{n}" for n in range(1, 6)
    ]


def test_projects_take_turns() -> None:
    lane = a_lane(
        *(a_job(n, "alice") for n in (1, 2, 3)), *(a_job(n, "bob") for n in (4, 5)), a_job(6, "eve")
    )

    assert owners(drain(lane)) == ["alice", "bob", "eve", "alice", "bob", "alice"]


def test_a_project_that_comes_late_has_its_turn_in_this_round() -> None:
    lane = a_lane(a_job(1, "alice"), a_job(2, "alice"), a_job(3, "alice"))
    lane.next(NOW, everywhere)
    lane.add(a_job(4, "bob"), NOW)

    assert owners(drain(lane)) == ["alice", "bob", "alice"]


def test_ten_thousand_jobs_of_one_project_delay_another_by_one_turn() -> None:
    lane = a_lane(*(a_job(n, "alice") for n in range(10_000)))
    lane.next(NOW, everywhere)
    lane.add(a_job(10_000, "bob"), NOW)

    assert lane.position("job_10000") == 2
    assert "bob" in owners(take(lane, 2))


def test_ten_thousand_urgent_jobs_of_one_project_delay_another_by_one_round() -> None:
    lane = a_lane(*(a_job(n, "alice", "high") for n in range(10_000)))
    lane.add(a_job(10_000, "bob", "low"), NOW)

    assert "low" in next_priorities(lane, 17)


@thorough
@given(crowd=crowds())
def test_between_two_turns_of_a_project_each_other_waiting_project_has_one(
    crowd: list[QueuedJob],
) -> None:
    lane = a_lane(*(a_job(w.sequence, w.ticket.project) for w in crowd))
    left = lane.projects()
    turns = owners(drain(lane))

    for place, project in enumerate(turns):
        left[project] -= 1
        if not left[project]:
            continue
        again = turns.index(project, place + 1)
        others = {name for name, waiting in left.items() if waiting and name != project}
        assert others <= set(turns[place:again])
        assert again - place <= len(set(turns))


@thorough
@given(crowd=crowds())
def test_every_waiting_job_runs_once(crowd: list[QueuedJob]) -> None:
    lane = a_lane(*crowd)

    turns = names(drain(lane))

    assert sorted(turns) == sorted(names(crowd))
    assert len(lane) == 0


@thorough
@given(crowd=crowds())
def test_within_a_project_and_priority_the_order_is_kept(crowd: list[QueuedJob]) -> None:
    lines: dict[tuple[str, str], list[int]] = {}
    for waiting in drain(a_lane(*crowd)):
        lines.setdefault((waiting.ticket.project, waiting.ticket.priority), []).append(
            waiting.sequence
        )

    assert all(line == sorted(line) for line in lines.values())


# -- between priorities


def a_full_lane() -> FairQueue:
    """A lane in which each priority has more than enough jobs."""
    numbers = count(1)
    return a_lane(*(a_job(next(numbers), priority=p) for p in PRIORITIES for _ in range(200)))


def test_of_21_turns_16_are_high_4_normal_and_1_low() -> None:
    lane = a_full_lane()
    turns = next_priorities(lane, 210)

    for start in range(190):
        window = Counter(turns[start : start + 21])
        assert window == {"high": 16, "normal": 4, "low": 1}


def test_the_turns_of_a_priority_are_spread_evenly() -> None:
    turns = next_priorities(a_full_lane(), 210)
    normal = [place for place, priority in enumerate(turns) if priority == "normal"]

    assert all(4 <= after - before <= 7 for before, after in pairwise(normal))


def test_weights_apply_between_the_classes_that_wait() -> None:
    lane = a_lane(
        *(a_job(n, priority="normal") for n in range(100)),
        *(a_job(n, priority="low") for n in range(100, 200)),
    )

    assert Counter(next_priorities(lane, 50)) == {"normal": 40, "low": 10}


def test_a_priority_that_was_alone_owes_nothing() -> None:
    lane = a_lane(*(a_job(n, priority="low") for n in range(100)))
    next_priorities(lane, 50)
    for number in range(100, 120):
        lane.add(a_job(number, priority="high"), NOW)

    assert Counter(next_priorities(lane, 17)) == {"high": 16, "low": 1}


def test_a_priority_that_was_away_has_saved_nothing() -> None:
    lane = a_lane(*(a_job(n, priority="normal") for n in range(100)))
    next_priorities(lane, 50)
    for number in range(100, 120):
        lane.add(a_job(number, priority="low"), NOW)

    assert Counter(next_priorities(lane, 25)) == {"normal": 20, "low": 5}


@thorough
@given(crowd=crowds(), turns=st.integers(0, 40))
def test_every_priority_that_waits_has_one_of_21_turns(crowd: list[QueuedJob], turns: int) -> None:
    lane = a_lane(*crowd)
    gone = take(lane, turns)
    waiting = {w.ticket.priority for w in crowd if w not in gone}

    assert waiting <= set(next_priorities(lane, 21))


# -- accounts


def only(*accounts: str) -> HasRoom:
    return lambda account: account in accounts


def test_a_full_account_is_passed_over() -> None:
    lane = a_lane(a_job(1, account="full"), a_job(2, account="free"))

    assert names(drain(lane, has_room=only("free"))) == ["job_2"]
    assert names(drain(lane)) == ["job_1"]


def test_a_skipped_job_keeps_its_turn() -> None:
    lane = a_lane(
        *(a_job(n, "alice", account="full") for n in (1, 2)),
        *(a_job(n, "bob", account="free") for n in (3, 4, 5)),
    )

    before = [lane.next(NOW, only("free")), lane.next(NOW, only("free"))]
    assert owners(filter(None, before)) == ["bob", "bob"]
    assert owners(drain(lane)) == ["alice", "bob", "alice"]


def test_a_project_with_a_full_account_uses_its_other_one() -> None:
    lane = a_lane(a_job(1, account="full"), a_job(2, account="free"), a_job(3, account="full"))

    waiting = lane.next(NOW, only("free"))

    assert waiting is not None
    assert waiting.ticket.job == "job_2"
    assert names(drain(lane)) == ["job_1", "job_3"]


def test_a_priority_that_cannot_run_loses_nothing_of_its_weight() -> None:
    urgent = [a_job(n, priority="high", account="full") for n in range(100)]
    lane = a_lane(*urgent, *(a_job(n, account="free") for n in range(100, 200)))

    for _ in range(30):
        assert lane.next(NOW, only("free")) is not None
    assert Counter(next_priorities(lane, 20)) == {"high": 16, "normal": 4}


def test_when_every_account_is_full_no_job_runs() -> None:
    lane = a_lane(a_job(1), a_job(2, priority="high"))

    assert lane.next(NOW, only()) is None
    assert len(lane) == 2


@thorough
@given(crowd=crowds(), full=accounts)
def test_only_jobs_with_room_run_and_all_of_them(crowd: list[QueuedJob], full: str) -> None:
    lane = a_lane(*crowd)

    turns = list(drain(lane, has_room=lambda account: account != full))

    assert sorted(names(turns)) == sorted(w.ticket.job for w in crowd if w.ticket.account != full)
    assert len(lane) == len(crowd) - len(turns)


def test_a_job_with_a_permit_comes_first() -> None:
    lane = a_lane(a_job(1), a_job(2, priority="high"), a_job(3, priority="low", account="full"))

    waiting = lane.next(NOW, only("sim"), ["job_3", "job_9"])

    assert waiting is not None
    assert waiting.ticket.job == "job_3"
    assert names(drain(lane)) == ["job_2", "job_1"]


def test_a_job_with_a_permit_takes_no_other_jobs_turn() -> None:
    lane = a_lane(*(a_job(n, "alice") for n in (1, 2)), *(a_job(n, "bob") for n in (3, 4)))

    assert owners(drain(lane, holders=["job_4"])) == ["bob", "alice", "bob", "alice"]


def test_a_delayed_job_with_a_permit_waits() -> None:
    lane = a_lane(a_job(1, not_before=LATER), a_job(2))

    assert names(drain(lane, holders=["job_1"])) == ["job_2"]


# -- waiting for a time


def test_a_job_does_not_run_before_its_time() -> None:
    lane = a_lane(a_job(1, not_before=LATER), a_job(2))

    assert names(drain(lane)) == ["job_2"]
    assert names(drain(lane, at=LATER - timedelta(microseconds=1))) == []
    assert names(drain(lane, at=LATER)) == ["job_1"]


def test_a_time_that_has_passed_causes_no_wait() -> None:
    lane = a_lane(a_job(1, not_before=NOW))

    assert lane.next_due_at() is None
    assert lane.position("job_1") == 1


def test_the_lane_knows_when_the_next_job_ripens() -> None:
    lane = a_lane(
        a_job(1, not_before=LATER + timedelta(seconds=5)), a_job(2, not_before=LATER), a_job(3)
    )

    assert lane.next_due_at() == LATER
    lane.remove("job_2")
    assert lane.next_due_at() == LATER + timedelta(seconds=5)


def test_a_job_that_must_wait_has_no_position_and_is_counted() -> None:
    lane = a_lane(a_job(1, "alice", not_before=LATER), a_job(2, "bob"))

    assert lane.position("job_1") is None
    assert lane.position("job_2") == 1
    assert len(lane) == 2
    assert lane.projects() == {"alice": 1, "bob": 1}


# -- what is heard


def test_hearing_of_a_job_twice_changes_nothing() -> None:
    lane = a_lane(a_job(1), a_job(1), a_job(2))

    assert len(lane) == 2
    assert names(drain(lane)) == ["job_1", "job_2"]


def test_a_job_that_was_put_back_waits_at_its_new_place() -> None:
    lane = a_lane(a_job(1), a_job(2), a_job(3, job="job_1"))

    assert len(lane) == 2
    assert [w.sequence for w in drain(lane)] == [2, 3]


def test_old_news_of_a_job_that_was_put_back_changes_nothing() -> None:
    lane = a_lane(a_job(3, job="job_1"), a_job(1))

    assert [w.sequence for w in drain(lane)] == [3]


def test_a_job_that_was_put_back_for_later_waits() -> None:
    lane = a_lane(a_job(1), a_job(2, job="job_1", not_before=LATER))

    assert len(lane) == 1
    assert names(drain(lane)) == []
    assert [w.sequence for w in drain(lane, at=LATER)] == [2]


@pytest.mark.parametrize("not_before", [None, LATER])
def test_a_job_that_was_removed_does_not_run(not_before: datetime | None) -> None:
    lane = a_lane(a_job(1), a_job(2, not_before=not_before), a_job(3))

    lane.remove("job_2")
    lane.remove("job_2")

    assert len(lane) == 2
    assert names(drain(lane, at=LATER)) == ["job_1", "job_3"]


def test_removing_an_unknown_job_changes_nothing() -> None:
    lane = a_lane(a_job(1))

    lane.remove("job_9")

    assert names(drain(lane)) == ["job_1"]


def test_a_job_that_was_removed_may_come_again() -> None:
    lane = a_lane(a_job(1))
    lane.remove("job_1")
    lane.add(a_job(1), NOW)

    assert names(drain(lane)) == ["job_1"]


def test_the_first_job_is_the_one_that_waits_longest() -> None:
    lane = a_lane(a_job(2, "bob", "high"), a_job(1, priority="low"), a_job(3))

    first = lane.first()

    assert first is not None
    assert first.ticket.job == "job_1"


def test_a_ring_counts_what_is_in_it() -> None:
    ring = RoundRobin()
    jobs = [a_job(1, "alice"), a_job(2, "bob"), a_job(3, "alice", account="fal")]
    for job in jobs:
        ring.add(job)

    assert len(ring) == 3
    assert ring.sizes() == {"alice": 2, "bob": 1}
    for job in jobs:
        ring.remove(job)
    assert len(ring) == 0
    assert ring.sizes() == {}


# -- positions


@thorough
@given(crowd=crowds(), turns=st.integers(0, 30), late=crowds(most=20), data=st.data())
def test_a_position_is_the_number_of_turns_until_the_job_runs(
    crowd: list[QueuedJob], turns: int, late: list[QueuedJob], data: st.DataObject
) -> None:
    lane = a_lane(*crowd)
    next_priorities(lane, turns)
    for waiting in late:
        ticket = waiting.ticket
        number = len(crowd) + waiting.sequence
        lane.add(a_job(number, ticket.project, ticket.priority, ticket.account), NOW)
    for number in data.draw(st.sets(st.integers(1, len(crowd) + len(late)), max_size=5)):
        lane.remove(f"job_{number}")
    known = names([*crowd, *(a_job(len(crowd) + w.sequence) for w in late)])
    positions = {job: lane.position(job) for job in known}
    upcoming = names(lane.upcoming())

    played = {job: place for place, job in enumerate(names(drain(lane)), start=1)}

    assert {job: place for job, place in positions.items() if place} == played
    assert upcoming == [*played]


def test_jobs_without_a_turn_are_listed_aside() -> None:
    first, later = a_job(1, not_before=LATER), a_job(2, not_before=LATER + timedelta(seconds=1))
    lane = a_lane(later, a_job(3, after=["job_9"]), first, a_job(4))

    assert names(lane.upcoming()) == ["job_4"]
    assert names(lane.not_yet_eligible()) == ["job_1", "job_2", "job_3"]


def test_positions_are_exact_as_far_as_they_are_played() -> None:
    numbers = count(1)
    lane = a_lane(
        *(
            a_job(next(numbers), project, priority)
            for priority in PRIORITIES
            for project in ("alice", "bob", "carol")
            for _ in range(100)
        )
    )
    positions = {f"job_{n}": lane.position(f"job_{n}") for n in range(1, 901, 7)}

    played = {job: place for place, job in enumerate(names(drain(lane)), start=1)}

    assert positions == {job: played[job] for job in positions}


def test_a_position_far_back_is_estimated_and_near() -> None:
    lane = a_lane(
        *(a_job(n, "alice") for n in range(1, 2_502)),
        *(a_job(n, "bob", "low") for n in range(3_000, 3_400)),
    )
    estimated = lane.position("job_2501")
    assert estimated is not None

    played = names(drain(lane)).index("job_2501") + 1

    assert estimated == pytest.approx(played, rel=0.1)


def test_a_position_counts_jobs_that_were_announced_late() -> None:
    lane = a_lane(a_job(2), a_job(3), a_job(1))
    positions = {job: lane.position(job) for job in ("job_1", "job_2", "job_3")}

    played = {job: place for place, job in enumerate(names(drain(lane)), start=1)}

    assert positions == played


def test_a_position_counts_jobs_that_had_to_wait() -> None:
    early = (a_job(n, not_before=LATER) for n in (1, 3))
    lane = a_lane(*early, a_job(2), a_job(4))
    lane.next(LATER, everywhere)
    positions = {job: lane.position(job) for job in ("job_2", "job_3", "job_4")}

    played = {job: place for place, job in enumerate(names(drain(lane, at=LATER)), start=1)}

    assert {job: place for job, place in positions.items() if place} == played


def test_a_job_whose_move_failed_keeps_its_place() -> None:
    lane = a_lane(*(a_job(n) for n in range(1, 100)))
    failed = lane.next(NOW, everywhere)
    assert failed is not None
    lane.add(failed, NOW)

    again = lane.next(NOW, everywhere)

    assert again is failed


# -- jobs that wait for others


def test_a_job_with_dependencies_has_no_turn_but_is_counted() -> None:
    lane = a_lane(a_job(1, after=["job_9"]), a_job(2))

    assert names(drain(lane)) == ["job_2"]
    assert (len(lane), lane.projects(), lane.first()) == (1, Counter(alice=1), None)
    assert lane.position("job_1") is None
    assert not lane, "nobody may have a turn"
    assert lane.accounts() == set()


def test_a_released_job_keeps_its_queue_position() -> None:
    lane = a_lane(a_job(1, after=["job_9"]), a_job(2), a_job(3))
    take(lane, 0)

    lane.release("job_1")

    assert not lane.has_open_dependencies("job_1")
    assert names(drain(lane)) == ["job_1", "job_2", "job_3"]


def test_a_job_that_waits_for_others_can_be_taken_out() -> None:
    lane = a_lane(a_job(1, after=["job_9"]))

    lane.remove("job_1")
    lane.release("job_1")

    assert (len(lane), names(drain(lane))) == (0, [])


def test_a_permit_does_not_run_a_job_with_dependencies() -> None:
    lane = a_lane(a_job(1, after=["job_9"]))

    assert names(drain(lane, holders=["job_1"])) == []


def test_hearing_of_it_again_does_not_hold_it_again() -> None:
    lane = a_lane(a_job(1, after=["job_9"]))
    lane.release("job_1")

    lane.add(a_job(1, after=["job_9"]), NOW)

    assert names(drain(lane)) == ["job_1"]


def test_a_queued_job_takes_less_than_0_4_kib_of_memory() -> None:
    """A dispatcher keeps every job that waits; 100,000 of them must fit beside all else."""
    tickets = [a_job(number, job=f"job_{number:026}").ticket.to_json() for number in range(2_000)]
    lane = FairQueue()

    tracemalloc.start()
    for number, ticket in enumerate(tickets):
        lane.add(QueuedJob(10**6 + number, Ticket.from_json(ticket), NOW + number * SECOND), NOW)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(lane) == len(tickets)
    assert taken / len(tickets) < 0.4 * 1024

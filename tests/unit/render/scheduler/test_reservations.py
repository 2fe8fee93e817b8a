"""A place that was given away is taken, also before its account shows it."""

from datetime import UTC, datetime, timedelta

import pytest

from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.queue_entries import Ticket
from heliograph.runtime.bus import AccountUsage
from services.render.scheduler.account_capacity import AccountCapacity
from services.render.scheduler.reservations import Reservations

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(seconds=0.5)
LATER = NOW + timedelta(seconds=5)

OPEN = CircuitBreaker(failures=5, reason="away", until=LATER)
HALF_OPEN = CircuitBreaker(failures=5, reason="away", until=NOW)


def a_ticket(job: str, account: str = "fal") -> Ticket:
    return Ticket(job=job, project="p", lane="shots", priority="normal", account=account)


def vacancies(
    expected: Reservations,
    *holders: str,
    cap: int | None = 1,
    breaker: CircuitBreaker | None = None,
    at: datetime = NOW,
) -> AccountCapacity:
    """Of one account, `fal`."""
    return AccountCapacity(
        {"fal": AccountUsage(dict.fromkeys(holders, 1), cap, breaker)}, expected, at
    )


def a_move(breaker: CircuitBreaker | None = None, *, cap: int | None = 1) -> Reservations:
    """The first job had its turn, and its account does not show it yet."""
    expected = Reservations()
    vacancies(expected, cap=cap, breaker=breaker).reserve(a_ticket("first"))
    return expected


def test_a_turn_takes_a_place_in_its_round() -> None:
    round_ = vacancies(Reservations(), cap=2)
    round_.reserve(a_ticket("first"))
    had_room = round_.has_room("fal")

    round_.reserve(a_ticket("second"))

    assert (had_room, round_.has_room("fal")) == (True, False)


def test_a_dispatched_job_has_a_reservation_in_the_next_round() -> None:
    assert not vacancies(a_move(), at=SOON).has_room("fal")


def test_a_dispatched_job_that_arrived_counts_once() -> None:
    assert vacancies(a_move(), "first", cap=2, at=SOON).has_room("fal")


def test_a_requeued_or_ended_job_has_no_reservation() -> None:
    expected = a_move()

    expected.remove("first")
    expected.remove("never moved")

    assert vacancies(expected, at=SOON).has_room("fal")


def test_reservations_expire() -> None:
    assert vacancies(a_move(), at=LATER).has_room("fal")


def test_an_account_without_a_cap_has_room_for_all_and_no_reservations() -> None:
    expected = a_move(cap=None)

    assert vacancies(expected, "other", cap=None).has_room("fal")
    assert expected.of("fal", NOW) == set()


def test_an_account_of_unknown_usage_has_no_room_yet() -> None:
    assert not vacancies(Reservations()).has_room("of a job that came meanwhile")


def test_a_job_with_a_permit_may_use_it_in_a_full_account() -> None:
    round_ = vacancies(Reservations(), "mine")

    assert not round_.has_room("fal")
    assert [*round_.holders()] == ["mine"]


def test_an_open_breaker_stops_jobs_with_a_permit_too() -> None:
    round_ = vacancies(Reservations(), "mine", cap=2, breaker=OPEN)

    assert not round_.has_room("fal")
    assert [*round_.holders()] == []


@pytest.mark.parametrize("cap", [None, 5])
def test_one_job_finds_out_whether_an_account_works_again(cap: int | None) -> None:
    had_room = vacancies(Reservations(), cap=cap, breaker=HALF_OPEN).has_room("fal")
    expected = a_move(HALF_OPEN, cap=cap)

    after = vacancies(expected, "mine", cap=cap, breaker=HALF_OPEN, at=SOON)

    assert had_room
    assert not after.has_room("fal")
    assert [*after.holders()] == []


def test_the_probe_of_a_half_open_breaker_may_run_again() -> None:
    breaker = HALF_OPEN.admitting("mine", NOW)

    round_ = vacancies(Reservations(), "mine", "other", cap=5, breaker=breaker)

    assert not round_.has_room("fal")
    assert [*round_.holders()] == ["mine"]

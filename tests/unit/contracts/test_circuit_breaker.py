"""A breaker leaves a provider alone for a while, and lets one job find out whether it works again."""

from datetime import UTC, datetime, timedelta

from heliograph.contracts.circuit_breaker import PROBE, BreakerPolicy, CircuitBreaker, after_failure

NOW = datetime(2030, 1, 1, tzinfo=UTC)
POLICY = BreakerPolicy(failures=3, min_pause=10, max_pause=35)


def failed(
    breaker: CircuitBreaker | None = None,
    times: int = 1,
    *,
    at: datetime = NOW,
    non_retryable: bool = False,
) -> CircuitBreaker:
    for _ in range(times):
        breaker = after_failure(breaker, "it is down", at, POLICY, non_retryable=non_retryable)
    assert breaker
    return breaker


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_few_failures_change_nothing() -> None:
    breaker = failed(times=2)

    assert breaker.state(NOW) == "closed"
    assert breaker.admits("job", NOW)


def test_so_many_in_a_row_open_it() -> None:
    breaker = failed(times=3)

    assert breaker.state(NOW) == "open"
    assert not breaker.admits("job", later(9.9))


def test_one_that_no_retry_can_mend_opens_it_at_once() -> None:
    assert failed(non_retryable=True).state(NOW) == "open"


def test_after_a_while_one_job_is_let_through() -> None:
    breaker = failed(times=3)

    assert breaker.state(later(10)) == "half_open"
    assert breaker.admits("first", later(10))
    probed = breaker.admitting("first", later(10))
    assert probed.admits("first", later(11))
    assert not probed.admits("second", later(11))


def test_a_job_that_never_says_how_it_went_is_replaced() -> None:
    probed = failed(times=3).admitting("first", later(10))

    assert probed.admits("second", later(10) + PROBE)


def test_a_start_while_the_breaker_is_closed_is_not_a_probe() -> None:
    breaker = failed(times=2)

    assert breaker.admitting("job", NOW) == breaker


def test_it_opens_for_twice_as_long_every_time_up_to_a_bound() -> None:
    breaker, at, pauses = failed(times=3), NOW, [10.0]
    for _ in range(3):
        assert breaker.until
        at = breaker.until
        breaker = failed(breaker.admitting("job", at), at=at)
        pauses.append(breaker.pause)

    assert pauses == [10, 20, 35, 35]


def test_failures_of_jobs_that_had_started_do_not_open_it_for_longer() -> None:
    breaker = failed(times=3)

    assert failed(breaker, 5, at=later(1)).until == breaker.until


def test_it_says_what_went_wrong_last() -> None:
    assert failed().reason == "it is down"

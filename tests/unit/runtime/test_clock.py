"""The server's time goes on by a monotonic clock, and is set only where it is surely wrong."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from heliograph.runtime.clock import ServerClock

SERVER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the monotonic clock shows; the host's own clock stands at the epoch."""
    shown = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: shown[0])
    return shown


def test_an_unsynchronised_clock_is_the_host_s() -> None:
    assert abs(ServerClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_it_goes_on_by_the_monotonic_clock(monotonic: list[float]) -> None:
    clock = ServerClock()
    clock.learn(SERVER, sent=999.0, received=1001.0)
    assert clock.now() == SERVER

    monotonic[0] += 60

    assert clock.now() == SERVER + timedelta(seconds=60)


def test_an_answer_that_could_be_right_as_it_is_changes_nothing(monotonic: list[float]) -> None:
    clock = ServerClock()
    clock.learn(SERVER, sent=1000.0, received=1000.0)

    step = clock.learn(SERVER + timedelta(seconds=1), sent=999.5, received=1001.5)

    assert (step, clock.now()) == (timedelta(), SERVER)


def test_a_server_whose_clock_was_set_is_followed(monotonic: list[float]) -> None:
    clock = ServerClock()
    clock.learn(SERVER, sent=1000.0, received=1000.0)

    step = clock.learn(SERVER + timedelta(seconds=600), sent=1000.0, received=1000.0)

    assert (step, clock.now()) == (timedelta(seconds=600), SERVER + timedelta(seconds=600))

"""Gateways count requests together: never more than the limit, and few calls of the counter."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.contracts.errors import TooManyRequests, Unavailable
from heliograph.contracts.quotas import RequestRate
from services.gateway.limits import rate_limiter
from services.gateway.limits.rate_limiter import AT_ONCE, RateLimiter

NAME, TITLE = "project.demo", "the project demo"
START = datetime(2030, 1, 1, tzinfo=UTC)


class Counters:
    """`SharedCounters` of one process."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_available = True
        self._counts: Counter[tuple[str, int]] = Counter()

    async def add(self, name: str, window: int, count: int) -> int:
        self.calls += 1
        await asyncio.sleep(0)
        if not self.is_available:
            raise Unavailable("no answer")
        self._counts[name, window] += count
        return self._counts[name, window]


class Time:
    """What the limiter takes for now."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(rate_limiter, "now", time.now)
    return time


def rate(limit: int, seconds: int = 60) -> RequestRate:
    return RequestRate(limit=limit, window_seconds=seconds)


async def taken(limiter: RateLimiter, of: RequestRate, count: int = 1) -> bool:
    try:
        await limiter.take(NAME, TITLE, of, count)
    except TooManyRequests:
        return False
    return True


async def test_as_many_are_let_through_as_the_limit_says() -> None:
    limiter = RateLimiter(Counters())

    assert [await taken(limiter, rate(3)) for _ in range(5)] == [True] * 3 + [False] * 2


async def test_the_next_window_has_room_again(time: Time) -> None:
    limiter = RateLimiter(Counters())
    assert await taken(limiter, rate(1))
    assert not await taken(limiter, rate(1))

    time.at += timedelta(seconds=60)

    assert await taken(limiter, rate(1))


async def test_a_refusal_says_how_long_to_wait(time: Time) -> None:
    limiter = RateLimiter(Counters())
    time.at += timedelta(seconds=25)
    assert await taken(limiter, rate(1))

    with pytest.raises(TooManyRequests, match="the project demo may ask for 1 jobs in 60") as error:
        await limiter.take(NAME, TITLE, rate(1), 1)

    assert error.value.retry_after == 35
    assert (error.value.policy, error.value.limit, error.value.window) == (
        "requests-project",
        1,
        60,
    )


async def test_all_of_a_batch_are_counted_or_none() -> None:
    limiter = RateLimiter(Counters())

    assert not await taken(limiter, rate(5), count=6)
    assert await taken(limiter, rate(5), count=5)


async def test_what_made_nothing_new_is_given_back() -> None:
    limiter = RateLimiter(Counters())
    assert await taken(limiter, rate(1))

    limiter.give_back(NAME, rate(1), 1, START)

    assert await taken(limiter, rate(1))


async def test_a_later_window_is_given_nothing_back(time: Time) -> None:
    limiter = RateLimiter(Counters())
    assert await taken(limiter, rate(1))
    time.at += timedelta(seconds=60)

    limiter.give_back(NAME, rate(1), 1, START)

    assert [await taken(limiter, rate(1)) for _ in range(2)] == [True, False]


async def test_the_counter_is_not_asked_for_every_request() -> None:
    counters = Counters()
    limiter = RateLimiter(counters)

    for _ in range(400):
        assert await taken(limiter, rate(400))

    assert counters.calls == 400 / AT_ONCE


async def test_those_who_wait_are_counted_by_one_call_and_go_on_together() -> None:
    counters = Counters()
    limiter = RateLimiter(counters)
    others = 0

    async def one() -> int:
        await limiter.take(NAME, TITLE, rate(1000), 1)
        return others

    async def count_rounds() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_rounds())
    rounds = await asyncio.gather(*(one() for _ in range(100)))
    counting.cancel()

    assert counters.calls == 1
    assert max(rounds) - min(rounds) <= 1


async def test_a_caller_who_gives_up_leaves_the_requests_to_others() -> None:
    limiter = RateLimiter(Counters())
    given_up = asyncio.create_task(limiter.take(NAME, TITLE, rate(5), 5))
    await asyncio.sleep(0)
    given_up.cancel()

    with pytest.raises(asyncio.CancelledError):
        await given_up

    assert await taken(limiter, rate(5), count=5)


async def test_a_counter_that_does_not_answer_refuses_all_who_wait_and_is_asked_again() -> None:
    counters = Counters()
    limiter = RateLimiter(counters)
    counters.is_available = False

    refused = await asyncio.gather(
        *(taken(limiter, rate(100)) for _ in range(3)), return_exceptions=True
    )
    counters.is_available = True

    assert [type(each) for each in refused] == [Unavailable] * 3
    assert len({id(each) for each in refused}) == 3
    assert await taken(limiter, rate(100))


async def test_the_counter_is_not_asked_once_nothing_is_left() -> None:
    counters = Counters()
    limiter = RateLimiter(counters)
    for _ in range(50):
        await taken(limiter, rate(1))

    assert counters.calls <= 2


@pytest.mark.parametrize("limit", [1, 7, 40, 400])
async def test_two_gateways_together_let_no_more_through(limit: int) -> None:
    counters = Counters()
    gateways = [RateLimiter(counters), RateLimiter(counters)]

    through = await asyncio.gather(
        *(taken(gateways[n % 2], rate(limit)) for n in range(2 * limit + 2 * AT_ONCE))
    )

    assert limit - (AT_ONCE - 1) <= sum(through) <= limit


@given(
    limit=st.integers(1, 60),
    wishes=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 12)), max_size=60),
)
def test_no_order_of_requests_gets_more_than_the_limit(
    limit: int, wishes: list[tuple[int, int]]
) -> None:
    counters = Counters()
    gateways = [RateLimiter(counters) for _ in range(3)]

    async def everybody() -> list[bool]:
        return await asyncio.gather(
            *(taken(gateways[which], rate(limit), count) for which, count in wishes)
        )

    through = asyncio.run(everybody())

    counts = [count for (_, count), passed in zip(wishes, through, strict=True) if passed]
    assert sum(counts) <= limit


async def test_what_is_left_is_said() -> None:
    limiter = RateLimiter(Counters())
    for _ in range(3):
        await taken(limiter, rate(100))

    state = limiter.state(NAME, rate(100))

    assert (state.remaining, state.reset) == (97, 60)

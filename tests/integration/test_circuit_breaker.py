"""An open circuit breaker stops submissions of every process."""

from datetime import timedelta
from typing import Any

import pytest

from heliograph.contracts.catalog import Account
from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.errors import ContentPolicy, JobError, ProviderAuth, ProviderUnavailable
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_events import Started
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.bus.account_permits import KvAccountPermits
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.clock import now
from services.render.worker.circuit_breaker import record_outcome
from services.render.worker.context import Worker
from services.render.worker.submit import submit
from tests.support.full_stream import full
from tests.support.records import a_record, some_project
from tests.support.servers import Server
from tests.support.workers import a_worker


@pytest.fixture
def account() -> str:
    return some_project()


@pytest.fixture
def two(bus: NatsBus, account: str) -> tuple[KvAccountPermits, KvAccountPermits]:
    """The same account, seen by two processes."""
    accounts = {account: Account(provider="sim", cap=3)}
    return KvAccountPermits(bus.jetstream, accounts), KvAccountPermits(bus.jetstream, accounts)


def _opened(seconds: float) -> CircuitBreaker:
    return CircuitBreaker(
        failures=5, reason="away", until=now() + timedelta(seconds=seconds), pause=10
    )


def _at(account: str, **parameters: Any) -> Record:
    """A job that will be sent to an account."""
    record = a_record(parameters=parameters)
    internal = record.internal.model_copy(update={"account": account})
    return record.model_copy(update={"internal": internal})


def _any(value: Any) -> Any:
    return lambda _: value


async def test_an_open_breaker_grants_no_permit(
    two: tuple[KvAccountPermits, KvAccountPermits], account: str
) -> None:
    here, there = two

    await here.update_breaker(account, _any(_opened(60)))

    assert not await there.acquire(account, new_job_id(), 1)


async def test_an_open_breaker_does_not_stop_submitted_requests(
    two: tuple[KvAccountPermits, KvAccountPermits], account: str
) -> None:
    here, there = two
    await here.update_breaker(account, _any(_opened(60)))

    assert await there.acquire(account, new_job_id(), 1, force=True)


async def test_one_job_finds_out_whether_it_works_again(
    two: tuple[KvAccountPermits, KvAccountPermits], account: str
) -> None:
    here, there = two
    first, second = new_job_id(), new_job_id()
    await here.update_breaker(account, _any(_opened(-1)))

    assert await there.acquire(account, first, 1)
    assert not await here.acquire(account, second, 1)
    await there.update_breaker(account, _any(None))

    assert await here.acquire(account, second, 1)


@pytest.mark.parametrize(
    ("errors", "state"),
    [
        ([ProviderUnavailable()] * 4, "closed"),
        ([ProviderUnavailable()] * 5, "open"),
        ([*[ProviderUnavailable()] * 4, None, ProviderUnavailable()], "closed"),
        ([*[ProviderUnavailable()] * 4, ContentPolicy(), ProviderUnavailable()], "closed"),
        ([ProviderAuth()], "open"),
        ([ProviderAuth("x" * 2**21)], "open"),
    ],
)
async def test_submissions_say_how_it_does(
    bus: NatsBus, nats: Server, account: str, errors: list[JobError | None], state: str
) -> None:
    worker: Worker = a_worker(bus, nats.settings)
    record = _at(account)

    for error in errors:
        await record_outcome(worker, record, error)

    breaker = (await bus.accounts.usage(account)).breaker
    assert (breaker.state(now()) if breaker else "closed") == state


@pytest.mark.parametrize("fault", ["rate_limited", "unavailable"])
async def test_what_a_submission_taught_is_written_though_there_is_no_room_for_the_verdict(
    bus: NatsBus, nats: Server, account: str, fault: str
) -> None:
    worker: Worker = a_worker(bus, nats.settings)
    record = _at(account, fault=fault)
    entry = await append_event(bus.events, "accepted", record, 0)
    started = await transition(bus.events, entry, Started(run=1))

    async with full(bus, "KV_accounts"):
        left = await submit(worker, started)

    assert left
    assert left.record.step is Step.RETRY_SCHEDULED
    assert left == await bus.events.last(record.id)

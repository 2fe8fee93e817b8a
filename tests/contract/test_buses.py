"""The bus keeps its promises, on JetStream and in memory alike."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from heliograph.contracts.catalog import Account
from heliograph.contracts.circuit_breaker import CircuitBreaker
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.id_generation import new_job_id
from heliograph.contracts.job_events import Started
from heliograph.contracts.slots import Restored
from heliograph.runtime.bus import AccountPermits, EventLog, SlotClaims, WorkQueue
from heliograph.runtime.bus.account_permits import KvAccountPermits
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.clock import now
from heliograph.testing.account_permits import MemoryAccountPermits
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.slot_claims import MemorySlotClaims
from heliograph.testing.work_queue import MemoryWorkQueue
from tests.support.records import CURRENT_CATALOG, a_record, some_project
from tests.support.servers import Server


@dataclass
class Bus:
    """Whatever is under test."""

    events: EventLog
    work: WorkQueue
    slots: SlotClaims
    accounts: AccountPermits  #: with two places in every account
    account: str


@pytest.fixture(params=["memory", "jetstream"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    account = some_project()
    if request.param == "memory":
        yield Bus(
            MemoryEventLog(),
            MemoryWorkQueue(),
            MemorySlotClaims(),
            MemoryAccountPermits(2),
            account,
        )
        return
    server: Server = request.getfixturevalue("nats")
    nats = NatsBus(server.settings, CURRENT_CATALOG, "test")
    await nats.open()
    accounts = KvAccountPermits(nats.jetstream, {account: Account(provider="sim", cap=2)})
    yield Bus(nats.events, nats.work, nats.slots, accounts, account)
    await nats.close()


def _accepted() -> EventEnvelope:
    return EventEnvelope.of("accepted", a_record(), now(), "test")


async def test_the_last_event_of_a_job_is_its_state(bus: Bus) -> None:
    event = _accepted()

    written = await bus.events.append(event, 0)

    assert await bus.events.last(event.body.id) == written
    assert written.body == event.body


async def test_an_unknown_job_has_no_last_event(bus: Bus) -> None:
    assert await bus.events.last(new_job_id()) is None


async def test_of_two_first_events_one_is_lost(bus: Bus) -> None:
    record = a_record()
    await append_event(bus.events, "accepted", record, 0)

    with pytest.raises(Conflict):
        await append_event(bus.events, "accepted", record, 0)


async def test_an_event_after_an_older_one_is_lost(bus: Bus) -> None:
    entry = await bus.events.append(_accepted(), 0)
    await transition(bus.events, entry, Started(run=1))

    with pytest.raises(Conflict):
        await transition(bus.events, entry, Started(run=2))


async def test_of_many_writers_at_once_one_wins(bus: Bus) -> None:
    entry = await bus.events.append(_accepted(), 0)
    writing = [transition(bus.events, entry, Started(run=run)) for run in range(1, 9)]

    outcomes = await asyncio.gather(*writing, return_exceptions=True)

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7


async def test_history_tells_everything_in_order(bus: Bus) -> None:
    entry = await bus.events.append(_accepted(), 0)
    started = await transition(bus.events, entry, Started(run=1))

    assert await bus.events.history(entry.body.id, 0, 10) == [entry, started]
    assert await bus.events.history(entry.body.id, entry.sequence, 10) == [started]


async def test_a_job_is_queued_once_however_often_it_is_put_there(bus: Bus) -> None:
    record = a_record()
    for _ in range(3):
        await bus.work.enqueue(ticket_for(record))

    assert await bus.work.has_work(record.id)
    await bus.work.purge(record)
    assert not await bus.work.has_work(record.id)


async def test_the_store_message_is_published_once(bus: Bus) -> None:
    record = a_record()
    for _ in range(3):
        await bus.work.publish_store(record.project, record.id)

    assert await bus.work.has_work(record.id)


async def test_an_unclaimed_slot_is_free(bus: Bus, project: str) -> None:
    claim = await bus.slots.read(project, "portrait/char-123")

    assert claim.job is None


async def test_a_slot_names_its_last_claimant(bus: Bus, project: str) -> None:
    for job in ("job_a", "job_b"):
        await bus.slots.claim(
            project, "cast/alice/ref_a", job, await bus.slots.read(project, "cast/alice/ref_a")
        )

    assert (await bus.slots.read(project, "cast/alice/ref_a")).job == "job_b"


async def test_a_claim_that_saw_another_claimant_is_lost(bus: Bus, project: str) -> None:
    seen = await bus.slots.read(project, "shot/12")
    await bus.slots.claim(project, "shot/12", "job_a", seen)

    with pytest.raises(Conflict):
        await bus.slots.claim(project, "shot/12", "job_b", seen)


RESTORED = Restored(version=1, latest=3, at=now())


async def test_a_restored_version_outlives_the_claims_after_it(bus: Bus, project: str) -> None:
    await bus.slots.claim(project, "shot/12", "job_a", await bus.slots.read(project, "shot/12"))
    await bus.slots.restore(project, "shot/12", RESTORED, await bus.slots.read(project, "shot/12"))

    seen = await bus.slots.read(project, "shot/12")
    assert (seen.job, seen.restored) == ("job_a", RESTORED)
    await bus.slots.claim(project, "shot/12", "job_b", seen)
    seen = await bus.slots.read(project, "shot/12")
    assert (seen.job, seen.restored) == ("job_b", RESTORED)


async def test_a_version_is_not_restored_over_an_unseen_claim(bus: Bus, project: str) -> None:
    seen = await bus.slots.read(project, "shot/12")
    await bus.slots.claim(project, "shot/12", "job_a", seen)

    with pytest.raises(Conflict):
        await bus.slots.restore(project, "shot/12", RESTORED, seen)
    assert (await bus.slots.read(project, "shot/12")).restored is None


async def test_a_slot_is_not_claimed_over_an_unseen_version(bus: Bus, project: str) -> None:
    seen = await bus.slots.read(project, "shot/12")
    await bus.slots.restore(project, "shot/12", RESTORED, seen)

    with pytest.raises(Conflict):
        await bus.slots.claim(project, "shot/12", "job_a", seen)


async def test_what_is_withdrawn_from_a_slot_outlives_the_claims_after_it(
    bus: Bus, project: str
) -> None:
    await bus.slots.claim(project, "shot/12", "job_b", await bus.slots.read(project, "shot/12"))
    seen = await bus.slots.read(project, "shot/12")
    await bus.slots.withdraw(project, "shot/12", ["job_a"], seen)

    seen = await bus.slots.read(project, "shot/12")
    assert (seen.job, seen.withdrawn) == ("job_b", frozenset({"job_a"}))
    await bus.slots.claim(project, "shot/12", "job_c", seen)
    seen = await bus.slots.read(project, "shot/12")
    assert (seen.job, seen.withdrawn) == ("job_c", frozenset({"job_a"}))
    await bus.slots.withdraw(project, "shot/12", [], seen)
    assert (await bus.slots.read(project, "shot/12")).withdrawn == frozenset()


async def test_a_version_is_not_restored_over_an_unseen_withdrawal(bus: Bus, project: str) -> None:
    seen = await bus.slots.read(project, "shot/12")
    await bus.slots.withdraw(project, "shot/12", ["job_a"], seen)

    with pytest.raises(Conflict):
        await bus.slots.restore(project, "shot/12", RESTORED, seen)


async def test_nothing_is_withdrawn_over_an_unseen_version(bus: Bus, project: str) -> None:
    seen = await bus.slots.read(project, "shot/12")
    await bus.slots.restore(project, "shot/12", RESTORED, seen)

    with pytest.raises(Conflict):
        await bus.slots.withdraw(project, "shot/12", ["job_a"], seen)


async def test_the_slots_of_a_project_are_found_at_once(bus: Bus, project: str) -> None:
    for slot in ("shot/12", "cast/alice/ref_a"):
        await bus.slots.claim(project, slot, "job_a", await bus.slots.read(project, slot))
    seen = await bus.slots.read(project, "shot/12")
    await bus.slots.restore(project, "shot/12", RESTORED, seen)
    elsewhere = some_project()
    await bus.slots.claim(elsewhere, "shot/1", "job_b", await bus.slots.read(elsewhere, "shot/1"))

    claims = await bus.slots.read_all(project)

    assert {slot: claim.restored for slot, claim in claims.items()} == {
        "shot/12": RESTORED,
        "cast/alice/ref_a": None,
    }
    assert await bus.slots.read_all(some_project()) == {}


async def test_an_account_has_no_more_places_than_its_cap(bus: Bus) -> None:
    taken = await asyncio.gather(
        *(bus.accounts.acquire(bus.account, f"job_{n}", 1) for n in range(6))
    )

    assert sum(taken) == 2


async def test_a_job_never_needs_a_second_place(bus: Bus) -> None:
    for job in ("job_a", "job_b"):
        await bus.accounts.acquire(bus.account, job, 1)

    assert await bus.accounts.acquire(bus.account, "job_a", 2)


async def test_a_late_answer_takes_a_place_above_the_cap(bus: Bus) -> None:
    for job in ("job_a", "job_b"):
        await bus.accounts.acquire(bus.account, job, 1)

    assert await bus.accounts.acquire(bus.account, "job_c", 1, force=True)


async def test_a_released_permit_can_be_acquired_by_another_job(bus: Bus) -> None:
    for job in ("job_a", "job_b"):
        await bus.accounts.acquire(bus.account, job, 1)
    await bus.accounts.release(bus.account, "job_a", 2)

    assert await bus.accounts.acquire(bus.account, "job_c", 1)


async def test_what_ended_before_a_place_was_taken_does_not_free_it(bus: Bus) -> None:
    for job in ("job_a", "job_b"):
        await bus.accounts.acquire(bus.account, job, 2)
    await bus.accounts.release(bus.account, "job_a", 2)

    assert not await bus.accounts.acquire(bus.account, "job_c", 1)


async def test_what_is_held_against_an_account_is_known_to_all(bus: Bus) -> None:
    await bus.accounts.update_breaker(
        bus.account, lambda _: CircuitBreaker(failures=2, reason="away")
    )

    places = await bus.accounts.usage(bus.account)

    assert places.breaker == CircuitBreaker(failures=2, reason="away")
    await bus.accounts.update_breaker(bus.account, lambda _: None)
    assert (await bus.accounts.usage(bus.account)).breaker is None

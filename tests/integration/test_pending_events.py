"""A new job alone is held, and then stored: whoever comes in between finds both, or stores the rest."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout

from heliograph.contracts import subjects
from heliograph.contracts.budgets.state import SetBudget
from heliograph.contracts.errors import OverBudget, StateConflict, TooManyJobs, Unavailable
from heliograph.contracts.job_events import Canceled, Started
from heliograph.contracts.records import Marker, Record
from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.stored_messages import Stored
from heliograph.runtime.bus.transitions import append_event, transition
from services.gateway.idempotency import RequestIdentity
from services.gateway.jobs.acceptance import JobAcceptance
from services.status.maintenance.pending_events import PendingEvents
from tests.support.acceptance import accept
from tests.support.budget_gateways import (
    PRICE,
    a_job,
    bookkeeping,
    budget_of,
    budget_service,
    gateway_events,
    no_differences,
    outcomes_of,
    set_limits,
)
from tests.support.held_back import HeldBack, died_holding, held_back
from tests.support.polling import until_true

SLOT = "portrait/keeper"


async def stored_of(bus: NatsBus, subject: str) -> list[Stored]:
    return [each async for each in bus.jetstream.read_all(STREAM, subject)]


async def events_of(bus: NatsBus, job: Record) -> list[Stored]:
    return await stored_of(bus, subjects.event(job.project, job.id))


async def held_in(bus: NatsBus, project: str) -> Decimal:
    return (await budget_of(bus, project)).running("total").held


def acceptance_of(bus: NatsBus, events: BudgetedEventLog) -> JobAcceptance:
    return JobAcceptance(
        events=events, work=bus.work, slots=bus.slots, budgets=events, claim_timeout=0.2
    )


class NamedMarks:
    """`BudgetMarks` of these projects."""

    def __init__(self, *projects: str) -> None:
        self._projects = {*projects}

    def has_budget(self, project: str) -> bool:
        return project in self._projects

    def counts_jobs(self, _project: str) -> bool:
        return False

    def with_budget(self) -> set[str]:
        return self._projects


async def test_a_new_job_alone_takes_no_atomic_batch(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9")
    job = a_job(project)

    await append_event(gateway_events(bus), "accepted", job, 0)

    [event] = await events_of(bus, job)
    *_, record = await stored_of(bus, subjects.money(project))
    assert record.sequence < event.sequence
    assert not [name for name in (*event.headers, *record.headers) if "Batch" in name]
    await no_differences(bus, project)


@pytest.mark.parametrize(
    ("limits", "fields"),
    [({"user": {"day": "9"}}, {"user": "ada"}), ({"total": "9"}, {"prompt": "a" * 20_000})],
    ids=["of a user with a budget", "large"],
)
async def test_a_new_job_that_needs_more_records_or_room_takes_a_batch(
    bus: NatsBus, project: str, limits: dict[str, Any], fields: dict[str, Any]
) -> None:
    await set_limits(bus, project, **limits)
    job = a_job(project).model_copy(update=fields)

    await append_event(gateway_events(bus), "accepted", job, 0)

    [event] = await events_of(bus, job)
    assert "Nats-Batch-Id" in event.headers
    await no_differences(bus, project)


async def test_a_known_job_holds_nothing_more(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9")
    gateway, job = gateway_events(bus), a_job(project)
    await append_event(gateway, "accepted", job, 0)
    before = await BudgetLog(bus.jetstream).stored(project)

    for each in (gateway, gateway_events(bus)):
        with pytest.raises(Conflict):
            await append_event(each, "accepted", job, 0)

    assert await BudgetLog(bus.jetstream).stored(project) == before


async def test_a_job_that_is_held_is_known(bus: NatsBus, project: str) -> None:
    """A request that is refused for another reason is answered with it all the same."""
    await set_limits(bus, project, total="9")
    job = a_job(project)
    await died_holding(bus, job)
    identity = RequestIdentity(project=project, job=job.id, is_repeatable=True)

    result = await acceptance_of(bus, gateway_events(bus)).replay(identity, lambda *_: True)

    assert result
    assert result.job.id == job.id
    await no_differences(bus, project)


@pytest.mark.parametrize("slot", [None, SLOT])
async def test_the_same_key_is_answered_with_the_job_that_is_held(
    bus: NatsBus, project: str, slot: str | None
) -> None:
    await set_limits(bus, project, total="0.25")
    job = a_job(project, slot=slot)
    await died_holding(bus, job)

    result = await accept(acceptance_of(bus, gateway_events(bus)), job)

    assert result.replayed
    assert len(await events_of(bus, job)) == 1
    assert await held_in(bus, project) == PRICE
    await no_differences(bus, project)


async def test_a_key_that_is_not_looked_up_first_is_answered_with_the_job_that_is_held(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="0.25")
    job = a_job(project)
    await died_holding(bus, job)

    with pytest.raises(Conflict):
        await append_event(gateway_events(bus), "accepted", job, 0)

    assert len(await events_of(bus, job)) == 1
    assert await held_in(bus, project) == PRICE


@pytest.mark.parametrize(("total", "fits"), [("0.5", True), ("0.25", False)])
async def test_the_next_job_finds_what_is_held_and_stores_its_event(
    bus: NatsBus, project: str, total: str, *, fits: bool
) -> None:
    await set_limits(bus, project, total=total)
    job, other = a_job(project), a_job(project)
    await died_holding(bus, job)

    [outcome] = await outcomes_of([gateway_events(bus)], [other])

    assert isinstance(outcome, LogEntry if fits else OverBudget)
    assert len(await events_of(bus, job)) == 1
    assert await held_in(bus, project) == Decimal(total)
    await no_differences(bus, project)


async def test_a_group_of_jobs_finds_it_too(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="0.75")
    job = a_job(project)
    await died_holding(bus, job)

    outcomes = await outcomes_of([gateway_events(bus)], [a_job(project) for _ in range(4)])

    assert sum(isinstance(each, OverBudget) for each in outcomes) == 2
    assert len(await events_of(bus, job)) == 1
    await no_differences(bus, project)


async def test_status_stores_it_where_nobody_asks_for_more(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9")
    job = a_job(project)
    await died_holding(bus, job)
    marks = NamedMarks(project)
    soon = PendingEvents(jetstream=bus.jetstream, marks=marks, age=timedelta(hours=1))
    await soon.look()
    assert not await events_of(bus, job)

    soon.age = timedelta(0)
    await soon.look()

    assert len(await events_of(bus, job)) == 1
    assert await held_in(bus, project) == PRICE
    await no_differences(bus, project)


async def test_status_looks_at_a_record_once(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9")
    pending = PendingEvents(jetstream=bus.jetstream, marks=NamedMarks(project), age=timedelta(0))
    await pending.look()
    job = a_job(project)
    await died_holding(bus, job)
    record = (await BudgetLog(bus.jetstream).stored(project)).sequence
    await pending.look()

    await pending.look()

    assert len(await events_of(bus, job)) == 1
    assert pending.since > record


async def test_a_budget_that_is_set_anew_stores_it(bus: NatsBus, project: str) -> None:
    async with budget_service(bus) as service:
        await service.set(project, SetBudget(total=Decimal(1)))
        job = a_job(project)
        await died_holding(bus, job)

        await service.set(project, SetBudget(total=Decimal(2)))

    assert len(await events_of(bus, job)) == 1
    assert (await budget_of(bus, project)).pending is None
    assert await held_in(bus, project) == PRICE
    await no_differences(bus, project)


async def test_a_budget_that_is_removed_leaves_no_job_behind(bus: NatsBus, project: str) -> None:
    async with budget_service(bus) as service:
        await service.set(project, SetBudget(total=Decimal(1)))
        job = a_job(project)
        await died_holding(bus, job)

        await service.set(project, SetBudget())
        assert len(await events_of(bus, job)) == 1
        await service.set(project, SetBudget(total=Decimal(2)))

    await no_differences(bus, project)


async def test_the_bookkeeper_stores_it_with_what_it_settles(bus: NatsBus, project: str) -> None:
    async with budget_service(bus) as service, bookkeeping(bus):
        await service.set(project, SetBudget(total=Decimal(1)))
        other = await append_event(gateway_events(bus), "accepted", a_job(project), 0)
        job = a_job(project)
        await died_holding(bus, job)

        await transition(bus.events, other, Canceled())

        async def is_settled() -> bool:
            return await held_in(bus, project) == PRICE

        await until_true(is_settled)
    assert len(await events_of(bus, job)) == 1
    await no_differences(bus, project)


async def test_the_audit_counts_what_is_held_and_writes_nothing(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9", jobs_open=5)
    job = a_job(project)
    await died_holding(bus, job)

    await no_differences(bus, project)

    assert not await events_of(bus, job)


@pytest.mark.parametrize("waits", [False, True], ids=["for nobody", "for another job"])
async def test_a_new_job_alone_is_in_the_queue_before_its_event_unless_it_waits(
    bus: NatsBus, project: str, *, waits: bool
) -> None:
    await set_limits(bus, project, total="9")
    connection, job = HeldBack(bus.client), a_job(project)
    if waits:
        internal = job.internal.model_copy(update={"after": [a_job(project).id]})
        job = job.model_copy(update={"internal": internal})
    acceptance = acceptance_of(bus, gateway_events(bus, connection.jetstream()))
    accepting = asyncio.create_task(accept(acceptance, job))
    await connection.reached.wait()

    if waits:
        assert not await bus.work.has_work(job.id)
    else:
        await until_true(lambda: bus.work.has_work(job.id))
    assert not await events_of(bus, job)
    connection.go.set()

    assert (await accepting).job.id == job.id
    assert await bus.work.has_work(job.id)
    assert len(await events_of(bus, job)) == 1


async def test_of_all_who_find_it_one_stores_it(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9")
    job = a_job(project)
    await died_holding(bus, job)
    gateways = [gateway_events(bus) for _ in range(4)]

    outcomes = await outcomes_of(gateways, [a_job(project) for _ in range(12)])

    assert {type(each) for each in outcomes} == {LogEntry}
    assert len(await events_of(bus, job)) == 1
    assert await held_in(bus, project) == 13 * PRICE
    await no_differences(bus, project)


async def test_a_gateway_that_was_only_slow_hears_of_its_own_event(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="9")
    job = a_job(project)
    connection, accepting = await held_back(bus, job)
    await append_event(gateway_events(bus), "accepted", a_job(project), 0)

    connection.go.set()
    entry = await accepting

    [event] = await events_of(bus, job)
    assert entry.sequence == event.sequence
    assert await held_in(bus, project) == 2 * PRICE


async def test_a_slow_gateway_does_not_overwrite_what_others_wrote(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="0.75")
    connection = HeldBack(bus.client)
    slow = gateway_events(bus, connection.jetstream())
    accepting = asyncio.create_task(append_event(slow, "accepted", a_job(project), 0))
    await connection.reached.wait()
    await append_event(gateway_events(bus), "accepted", a_job(project), 0)
    connection.go.set()
    await accepting

    outcomes = await outcomes_of([slow], [a_job(project)])
    outcomes += await outcomes_of([slow], [a_job(project)])

    assert [type(each) for each in outcomes] == [LogEntry, OverBudget]
    await no_differences(bus, project)


@pytest.mark.parametrize("dies", [False, True], ids=["alive", "dead"])
async def test_nothing_is_held_for_a_job_that_was_accepted_without_the_budget(
    bus: NatsBus, project: str, *, dies: bool
) -> None:
    await set_limits(bus, project, total="9", jobs_open=9)
    job = a_job(project)
    connection, accepting = await held_back(bus, job)
    entry = await append_event(bus.events, "accepted", job, 0)
    await transition(bus.events, entry, Started(run=1))

    if dies:
        accepting.cancel()
        await append_event(gateway_events(bus), "accepted", a_job(project), 0)
    else:
        connection.go.set()
        with pytest.raises(Conflict):
            await accepting

    budget = await budget_of(bus, project)
    assert budget.running("total").held == (PRICE if dies else 0)
    assert budget.jobs_open == int(dies)
    assert len(await events_of(bus, job)) == 2
    await no_differences(bus, project)


async def test_a_job_that_was_fenced_off_is_not_accepted(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="0.25")
    job = a_job(project, slot=SLOT)
    await died_holding(bus, job)
    marker = Marker(id=job.id, project=project, marker="fenced")
    await append_event(bus.events, "canceled", marker, 0)

    await append_event(gateway_events(bus), "accepted", a_job(project), 0)
    with pytest.raises(StateConflict):
        await accept(acceptance_of(bus, gateway_events(bus)), job)

    assert await held_in(bus, project) == PRICE
    await no_differences(bus, project)


async def test_a_job_that_went_on_is_not_begun_again(bus: NatsBus, project: str) -> None:
    """Only its last event is left, as of one that ended long ago."""
    await set_limits(bus, project, total="9")
    gateway, job = gateway_events(bus), a_job(project)
    entry = await append_event(gateway, "accepted", job, 0)
    entry = await transition(bus.events, entry, Started(run=1))
    request = {"filter": subjects.event(project, job.id), "seq": entry.sequence}
    await bus.jetstream.api(f"STREAM.PURGE.{STREAM}", request)

    await append_event(gateway_events(bus), "accepted", a_job(project), 0)

    assert len(await events_of(bus, job)) == 1
    assert await held_in(bus, project) == 2 * PRICE
    await no_differences(bus, project)


async def test_an_open_job_is_counted_once(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, jobs_open=1)
    job = a_job(project, Decimal(0))
    await died_holding(bus, job)
    other = gateway_events(bus, counts_jobs=True)

    with pytest.raises(TooManyJobs):
        await append_event(other, "accepted", a_job(project, Decimal(0)), 0)

    assert len(await events_of(bus, job)) == 1
    assert (await budget_of(bus, project)).jobs_open == 1
    await no_differences(bus, project)


class LostReplies:
    """A connection on which the replies to what is stored are lost: the first of each subject, or all."""

    def __init__(self, client: Client, lost: str, *, all_of_them: bool, arrives: bool) -> None:
        self._client = client
        self._lost = lost
        self._all = all_of_them
        self._arrives = arrives
        self._left = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(self, subject: str, payload: bytes, **fields: Any) -> Msg:
        if not subject.startswith(self._lost) or not (self._all or self._left):
            return await self._client.request(subject, payload, **fields)
        self._left = 0
        if self._arrives:
            await self._client.request(subject, payload, **fields)
        raise NatsTimeout


@pytest.mark.parametrize("arrives", [True, False], ids=["stored", "not stored"])
@pytest.mark.parametrize("lost", ["money.", "events."])
@pytest.mark.parametrize("all_of_them", [True, False], ids=["all replies", "one reply"])
async def test_a_lost_reply_holds_nothing_twice(
    bus: NatsBus, project: str, lost: str, *, arrives: bool, all_of_them: bool
) -> None:
    await set_limits(bus, project, total="0.25")
    connection = LostReplies(bus.client, lost, all_of_them=all_of_them, arrives=arrives)
    jetstream = JetStream(cast(Client, connection), timeout=0.5)
    job = a_job(project)

    [outcome] = await outcomes_of([gateway_events(bus, jetstream)], [job])

    is_kept = lost == "events." and arrives
    assert isinstance(outcome, LogEntry if is_kept or not all_of_them else Unavailable)
    result = await accept(acceptance_of(bus, gateway_events(bus)), job)
    assert result.job.id == job.id
    assert len(await events_of(bus, job)) == 1
    assert await held_in(bus, project) == PRICE
    await no_differences(bus, project)

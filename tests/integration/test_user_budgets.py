"""The budgets of users hold in any number of gateways, are settled with that of the project, and go."""

import asyncio
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from heliograph.contracts import subjects
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.budgets.state import SetBudget, SetUserBudget
from heliograph.contracts.errors import OverBudget
from heliograph.contracts.job_events import (
    AttemptCompleted,
    Canceled,
    Failed,
    Started,
    Submitting,
)
from heliograph.contracts.user_digests import user_digest
from heliograph.runtime.budgets.job_budgets import PlanHolder
from heliograph.runtime.bus.budget_audit import audit_budget
from heliograph.runtime.bus.budget_log import BudgetEntry, BudgetLog
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from services.status.maintenance import user_budgets
from services.status.maintenance.user_budgets import UserBudgetExpiry
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
from tests.support.polling import until_true
from tests.support.records import PROBLEM

USERS = ("alice", "bob", "carol")


async def record_of(bus: NatsBus, project: str, user: str) -> BudgetRecord | None:
    entries = await BudgetLog(bus.jetstream).read_users(project, [user_digest(user)])
    return entries[user_digest(user)].budget


async def held_by(bus: NatsBus, project: str, user: str) -> Decimal:
    own = await record_of(bus, project, user)
    return own.running("day").held if own else Decimal(0)


async def test_two_gateways_accept_as_much_of_each_user_as_their_budget_allows(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="99", user={"day": "2.5"})
    jobs = [a_job(project, user=USERS[number % 3]) for number in range(180)]

    outcomes = await outcomes_of([gateway_events(bus), gateway_events(bus)], jobs)

    accepted = Counter(each.record.user for each in outcomes if isinstance(each, LogEntry))
    assert accepted == dict.fromkeys(USERS, 10)
    assert {type(each) for each in outcomes} == {LogEntry, OverBudget}
    assert [await held_by(bus, project, user) for user in USERS] == [10 * PRICE] * 3
    assert (await budget_of(bus, project)).running("month").users == 3
    await no_differences(bus, project)


async def test_many_users_at_once_are_committed_with_their_jobs(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, user={"month": "0.25"})
    jobs = [a_job(project, user=f"user-{number % 300}") for number in range(600)]

    outcomes = await outcomes_of([gateway_events(bus), gateway_events(bus)], jobs)

    assert Counter(map(type, outcomes)) == {LogEntry: 300, OverBudget: 300}
    await no_differences(bus, project)


async def test_an_end_and_its_correction_are_settled_for_the_user(
    bus: NatsBus, project: str
) -> None:
    async with budget_service(bus) as service, bookkeeping(bus):
        limits = SetUserBudget(day=Decimal("0.3"))
        await service.set(project, SetBudget(user=limits))
        events = gateway_events(bus)
        first = await append_event(events, "accepted", a_job(project, user="alice"), 0)
        with pytest.raises(OverBudget, match="the user's budget of the day"):
            await append_event(events, "accepted", a_job(project, user="alice"), 0)
        submitting = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
        for fact in (Started(run=1), submitting, Failed(problem=PROBLEM, charged="unknown")):
            first = await transition(bus.events, first, fact)

        async def until(spent: Decimal, held: Decimal) -> None:
            async def is_so() -> bool:
                shown = (await service.read(project, "alice")).user
                assert shown
                return (shown.windows[0].spent, shown.windows[0].held) == (spent, held)

            await until_true(is_so)

        await until(PRICE, Decimal(0))
        late = AttemptCompleted(run=1, ended=first.sequence, charged="no", outcome="x")
        await transition(bus.events, first, late)
        await until(Decimal(0), Decimal(0))
        await append_event(events, "accepted", a_job(project, user="alice"), 0)
        await until(Decimal(0), PRICE)
    await no_differences(bus, project)


async def test_a_batch_of_users_is_held_as_a_whole_and_given_back(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, user={"day": "0.5"})
    gateways = [gateway_events(bus), gateway_events(bus)]
    users = ["alice", "alice", "bob"]
    batches = [[a_job(project, user=user) for user in users] for _ in range(4)]
    holders = [PlanHolder.new(project, f"batch_{number}") for number in range(4)]

    outcomes = await asyncio.gather(
        *(
            gateways[number % 2].hold_plan(holder, batches[number])
            for number, holder in enumerate(holders)
        ),
        return_exceptions=True,
    )

    assert Counter(map(type, outcomes)) == {type(None): 1, OverBudget: 3}
    [number] = [number for number, each in enumerate(outcomes) if each is None]
    events = gateways[number % 2]
    await append_event(events, "accepted", batches[number][0], 0)
    assert await held_by(bus, project, "alice") == 2 * PRICE
    await no_differences(bus, project)
    await events.release_plan(holders[number])
    assert [await held_by(bus, project, user) for user in users[1:]] == [PRICE, 0]
    await no_differences(bus, project)


async def test_a_budget_that_is_set_again_forgets_what_users_held_before(
    bus: NatsBus, project: str
) -> None:
    body = SetBudget(user=SetUserBudget(day=Decimal("0.3")))
    async with budget_service(bus) as service, bookkeeping(bus):
        await service.set(project, body)
        old = await append_event(gateway_events(bus), "accepted", a_job(project, user="alice"), 0)
        await service.set(project, SetBudget())
        await service.set(project, body)

        await append_event(gateway_events(bus), "accepted", a_job(project, user="alice"), 0)
        await transition(bus.events, old, Canceled())

        async def is_settled() -> bool:
            return (await budget_of(bus, project)).running("total").held == PRICE

        await until_true(is_settled)
    assert await held_by(bus, project, "alice") == PRICE
    await no_differences(bus, project)


async def test_the_audit_names_the_user_whose_balance_is_wrong(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, user={"day": "9"})
    await append_event(gateway_events(bus), "accepted", a_job(project, user="alice"), 0)
    log, name = BudgetLog(bus.jetstream), user_digest("alice")
    sequence, budget = await log.read(project)
    [own_sequence, own] = (await log.read_users(project, [name]))[name]
    assert budget
    assert own
    wrong = own.model_copy(update={"windows": [each.plus(held=PRICE) for each in own.windows]})
    await log.write_with(budget, sequence, [], [BudgetEntry(own_sequence, wrong)])

    audit = await audit_budget(bus.jetstream, project)

    assert audit
    assert {
        (each.balance, each.recorded, each.counted, each.user) for each in audit.differences
    } == {("held", 2 * PRICE, PRICE, name)}
    assert f"of the user {name} is 0.50, its jobs make 0.25" in audit.summary()


class Marks:
    """`BudgetMarks` of one project."""

    def __init__(self, project: str) -> None:
        self._project = project

    def has_budget(self, project: str) -> bool:
        return project == self._project

    def counts_jobs(self, project: str) -> bool:
        return False

    def with_budget(self) -> set[str]:
        return {self._project}


async def records(bus: NatsBus, project: str, user: str) -> int:
    subject = subjects.money_of(project, user_digest(user))
    return len([each async for each in bus.jetstream.read_all(STREAM, subject)])


async def test_old_records_of_users_go_and_those_of_periods_that_are_over(
    bus: NatsBus, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_limits(bus, project, user={"day": "9"})
    events, expiry = (
        gateway_events(bus),
        UserBudgetExpiry(jetstream=bus.jetstream, marks=Marks(project)),
    )
    for user in ("alice", "alice", "alice", "bob"):
        await append_event(events, "accepted", a_job(project, user=user), 0)

    await expiry.round()
    assert [await records(bus, project, user) for user in ("alice", "bob")] == [3, 1]
    monkeypatch.setattr(user_budgets, "KEPT", timedelta(0))
    await expiry.round()
    assert [await records(bus, project, user) for user in ("alice", "bob")] == [1, 1]
    await no_differences(bus, project)
    await append_event(events, "accepted", a_job(project, user="bob"), 0)

    sequence, budget = await BudgetLog(bus.jetstream).read(project)
    assert budget
    again = budget.model_copy(update={"since": budget.since + 1})  # no user has a record of it
    await BudgetLog(bus.jetstream).write(again, sequence)
    await expiry.round()
    assert [await records(bus, project, user) for user in ("alice", "bob")] == [0, 0]

    await append_event(events, "accepted", a_job(project, user="alice"), 0)
    assert await held_by(bus, project, "alice") == PRICE

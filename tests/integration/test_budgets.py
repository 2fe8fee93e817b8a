"""What costs money is accepted together with what it holds, and never beyond the budget."""

import asyncio
import json
from collections import Counter
from decimal import Decimal
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout

from heliograph.contracts import subjects
from heliograph.contracts.budgets.messages import ThresholdReached
from heliograph.contracts.budgets.record import BudgetRecord
from heliograph.contracts.budgets.state import SetBudget
from heliograph.contracts.errors import OverBudget, TooManyJobs, Unavailable
from heliograph.contracts.job_events import (
    Canceled,
    Failed,
    RetryScheduled,
    Started,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.records import Record
from heliograph.runtime.background import run_in_background
from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.budgets.job_budgets import PlanHolder
from heliograph.runtime.bus.budget_audit import audit_budget
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.job_balances import read_job_balances
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.clock import now
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.projects.settings_store import ProjectSettings
from services.render.worker.run import run_job
from tests.support.acceptance import accept
from tests.support.budget_gateways import (
    PRICE,
    a_job,
    bookkeeping,
    budget_of,
    budget_service,
    gateway_events,
    hub_of,
    no_differences,
    outcomes_of,
    set_limits,
)
from tests.support.budget_marks import Marks
from tests.support.lagging_replica import LaggingReplica
from tests.support.polling import until_true
from tests.support.records import CURRENT_CATALOG, PROBLEM
from tests.support.servers import Server
from tests.support.timeouts import TIMEOUT
from tests.support.workers import a_worker

SLOT = "portrait/keeper"


async def jobs_in_log(bus: NatsBus, project: str) -> list[Record]:
    stored = bus.jetstream.read_all(STREAM, subjects.event(project, "*"))
    return [cast(Record, bus.events.body(each)) async for each in stored]


async def test_two_gateways_accept_as_much_as_the_budget_allows(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, day="12.5")

    outcomes = await outcomes_of(
        [gateway_events(bus), gateway_events(bus)], [a_job(project) for _ in range(250)]
    )

    assert Counter(map(type, outcomes)) == {LogEntry: 50, OverBudget: 200}
    stored = await jobs_in_log(bus, project)
    assert len(stored) == 50
    budget = await budget_of(bus, project)
    assert all(job.internal.reserved and job.internal.reserved.amount == PRICE for job in stored)
    assert {each.held for each in budget.windows} == {Decimal("12.5")}
    audit = await audit_budget(bus.jetstream, project)
    assert audit
    assert not audit.differences


async def test_each_project_has_a_budget_of_its_own(bus: NatsBus, project: str) -> None:
    other = f"{project}x"
    await set_limits(bus, project, total="0.25")
    await set_limits(bus, other, total="0.5")
    jobs = [a_job(name) for name in (project, other) for _ in range(3)]

    outcomes = await outcomes_of([gateway_events(bus)], jobs)

    accepted = [each.record.project for each in outcomes if isinstance(each, LogEntry)]
    assert Counter(accepted) == {project: 1, other: 2}


async def test_what_costs_nothing_asks_no_budget(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="0")
    before = (await BudgetLog(bus.jetstream).read(project)).sequence
    job = a_job(project, Decimal(0))

    entry = await append_event(gateway_events(bus), "accepted", job, 0)

    assert entry.record.internal.reserved is None
    assert (await BudgetLog(bus.jetstream).read(project)).sequence == before


async def test_a_budget_that_is_being_set_lets_nothing_through(bus: NatsBus, project: str) -> None:
    with pytest.raises(Unavailable, match="is being set"):
        await append_event(gateway_events(bus), "accepted", a_job(project), 0)


async def test_a_known_job_loses_alone(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9")
    events, jobs = gateway_events(bus), [a_job(project) for _ in range(6)]
    await append_event(events, "accepted", jobs[2], 0)

    outcomes = await outcomes_of([events], [*jobs, jobs[4]])

    lost = [number for number, each in enumerate(outcomes) if isinstance(each, Conflict)]
    assert lost == [2, 6]
    assert (await budget_of(bus, project)).running("total").held == 6 * PRICE


class LostReplies:
    """A connection on which the reply to a commit is lost, whether it got there or not."""

    def __init__(self, client: Client, *, arrives: bool) -> None:
        self._client = client
        self._arrives = arrives

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(
        self, subject: str, payload: bytes, *, timeout: float, headers: dict[str, str] | None = None
    ) -> Msg:
        reply = None
        is_commit = "Nats-Batch-Commit" in (headers or {})
        if not is_commit or self._arrives:
            reply = await self._client.request(subject, payload, timeout=timeout, headers=headers)
        if reply is None or is_commit:
            raise NatsTimeout
        return reply


@pytest.mark.parametrize("arrives", [True, False], ids=["stored", "not stored"])
async def test_each_job_learns_what_a_commit_without_an_answer_came_to(
    bus: NatsBus, project: str, arrives: bool
) -> None:
    await set_limits(bus, project, total="9")
    connection = cast(Client, LostReplies(bus.client, arrives=arrives))
    events, jobs = gateway_events(bus, JetStream(connection)), [a_job(project) for _ in range(4)]

    outcomes = await outcomes_of([events], jobs)

    assert {type(each) for each in outcomes} == {LogEntry if arrives else Unavailable}
    again = await outcomes_of([gateway_events(bus)], jobs)
    assert {type(each) for each in again} == {Conflict if arrives else LogEntry}
    assert (await budget_of(bus, project)).running("total").held == 4 * PRICE


async def test_a_refused_job_gives_its_slot_back_and_may_be_sent_again(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="0.25")
    events = gateway_events(bus)
    acceptance = JobAcceptance(
        events=events, work=bus.work, slots=bus.slots, budgets=events, claim_timeout=0.2
    )
    jobs = [a_job(project, slot=f"{SLOT}-{number}") for number in range(2)]

    outcomes = await asyncio.gather(
        *(accept(acceptance, job) for job in jobs), return_exceptions=True
    )
    [refused] = [
        job for job, each in zip(jobs, outcomes, strict=True) if isinstance(each, OverBudget)
    ]
    assert refused.slot
    assert (await bus.slots.read(project, refused.slot)).job is None

    await set_limits(bus, project, total="9")
    assert (await accept(acceptance, refused)).job.id == refused.id
    assert (await bus.slots.read(project, refused.slot)).job == refused.id


async def test_a_request_over_budget_never_claims_its_slot(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="0.1")
    events = gateway_events(bus)
    acceptance = JobAcceptance(events=events, work=bus.work, slots=bus.slots, budgets=events)

    with pytest.raises(OverBudget):
        await accept(acceptance, a_job(project, slot=SLOT))

    assert (await bus.slots.read(project, SLOT)).revision == 0


async def test_another_attempt_that_may_be_charged_is_held_in_the_same_commit(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="0.5")
    events = gateway_events(bus)
    entry = await append_event(events, "accepted", a_job(project), 0)
    submitting = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
    for fact in (Started(run=1), submitting, SubmitUnknown(run=1, problem=PROBLEM)):
        entry = await transition(events, entry, fact)
    again = RetryScheduled(not_before=now(), reason="x", detail="x", charged="unknown", key="again")

    retried = await transition(events, entry, again)

    held = retried.record.internal.reserved
    assert held
    assert held.amount == 2 * PRICE
    assert (await budget_of(bus, project)).running("total").held == 2 * PRICE
    with pytest.raises(Conflict):
        await transition(events, entry, again)


@pytest.mark.parametrize(
    ("total", "step", "held"),
    [("0.5", Step.RETRY_SCHEDULED, 2 * PRICE), ("0.4", Step.SUBMIT_UNKNOWN, PRICE)],
    ids=["within the budget", "over it"],
)
async def test_render_submits_again_what_the_budget_has_room_for(
    bus: NatsBus, project: str, nats: Server, total: str, step: Step, held: Decimal
) -> None:
    await set_limits(bus, project, total=total)
    again = {"action": "resubmit", "below": "1"}
    events, job = gateway_events(bus), a_job(project, on_ambiguous=again)
    entry = await append_event(events, "accepted", job, 0)
    submitting = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
    for fact in (Started(run=1), submitting, SubmitUnknown(run=1, problem=PROBLEM)):
        entry = await transition(events, entry, fact)

    left = await run_job(a_worker(bus, nats.settings, Marks()), project, job.id, 1)

    assert left
    assert left.step is step
    told = left.error.detail if left.error else ""
    assert ("not submitted again" in told) is (step is Step.SUBMIT_UNKNOWN)
    assert (await budget_of(bus, project)).running("total").held == held
    await no_differences(bus, project)


async def test_of_two_bulk_requests_for_one_budget_each_is_held_as_a_whole_or_refused(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="1")
    gateways = [gateway_events(bus), gateway_events(bus)]
    batches = [[a_job(project) for _ in range(4)] for _ in range(4)]

    outcomes = await asyncio.gather(
        *(
            gateways[number % 2].hold_plan(PlanHolder.new(project, f"batch_{number}"), jobs)
            for number, jobs in enumerate(batches)
        ),
        return_exceptions=True,
    )

    assert Counter(map(type, outcomes)) == {type(None): 1, OverBudget: 3}
    [number] = [number for number, each in enumerate(outcomes) if each is None]
    with pytest.raises(OverBudget):
        await append_event(gateways[number % 2], "accepted", a_job(project), 0)
    accepted = await outcomes_of([gateways[number % 2]], batches[number])
    assert {type(each) for each in accepted} == {LogEntry}
    await no_differences(bus, project)


async def test_what_a_bulk_request_leaves_is_given_back_and_what_is_taken_over_is_there(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, total="0.5")
    jobs = [a_job(project) for _ in range(2)]
    first, second = gateway_events(bus), gateway_events(bus)
    copies = [PlanHolder.new(project, "batch_x") for _ in range(2)]
    await first.hold_plan(copies[0], jobs)
    await no_differences(bus, project)

    await second.join_plan(copies[1], [job.id for job in jobs])
    await append_event(second, "accepted", jobs[0], 0)
    assert (await budget_of(bus, project)).running("total").held == 2 * PRICE
    await second.release_plan(copies[1])
    assert (await budget_of(bus, project)).running("total").held == 2 * PRICE
    await first.release_plan(copies[0])

    assert (await budget_of(bus, project)).running("total").held == PRICE
    await no_differences(bus, project)


@pytest.mark.parametrize("gateways", [1, 2], ids=["one gateway", "two gateways"])
async def test_a_copy_that_is_done_first_leaves_the_hold_to_the_other(
    bus: NatsBus, project: str, gateways: int
) -> None:
    await set_limits(bus, project, total="0.5")
    jobs = [a_job(project) for _ in range(2)]
    first = gateway_events(bus)
    second = first if gateways == 1 else gateway_events(bus)
    copies = [PlanHolder.new(project, "batch_x") for _ in range(2)]

    await first.hold_plan(copies[0], jobs)
    await second.hold_plan(copies[1], jobs)
    await first.release_plan(copies[0])
    with pytest.raises(OverBudget):
        await append_event(first, "accepted", a_job(project), 0)
    accepted = await outcomes_of([second], jobs)
    await second.release_plan(copies[1])

    assert {type(each) for each in accepted} == {LogEntry}
    budget = await budget_of(bus, project)
    assert (budget.plans, budget.running("total").held) == ([], 2 * PRICE)
    await no_differences(bus, project)


async def test_no_more_jobs_are_open_than_the_limit_in_two_gateways(
    bus: NatsBus, project: str
) -> None:
    await set_limits(bus, project, jobs_open=20)
    gateways = [gateway_events(bus, counts_jobs=True) for _ in range(2)]
    jobs = [a_job(project, Decimal(number % 2)) for number in range(60)]

    outcomes = await outcomes_of(gateways, jobs)

    assert Counter(map(type, outcomes)) == {LogEntry: 20, TooManyJobs: 40}
    assert (await budget_of(bus, project)).jobs_open == 20
    await no_differences(bus, project)


async def test_an_open_job_that_ends_makes_room_once_it_is_settled(
    bus: NatsBus, project: str
) -> None:
    async with budget_service(bus) as service, bookkeeping(bus):
        shown = await service.set(project, SetBudget(jobs_open=1))
        assert shown.jobs_open
        events = gateway_events(bus, counts_jobs=True)
        entry = await append_event(events, "accepted", a_job(project, Decimal(0)), 0)
        with pytest.raises(TooManyJobs):
            await append_event(events, "accepted", a_job(project, Decimal(0)), 0)
        await transition(bus.events, entry, Canceled())

        async def is_free() -> bool:
            return (await budget_of(bus, project)).jobs_open == 0

        await until_true(is_free)
        await append_event(events, "accepted", a_job(project, Decimal(0)), 0)
    await no_differences(bus, project)


async def test_gateways_know_whether_a_budget_limits_open_jobs(bus: NatsBus, project: str) -> None:
    settings = ProjectSettings(bus.jetstream, CURRENT_CATALOG)
    async with budget_service(bus) as service, run_in_background(projects=settings.watch):
        for body, counts in (
            (SetBudget(total=Decimal(1)), False),
            (SetBudget(total=Decimal(1), jobs_open=5), True),
            (SetBudget(jobs_open=6), True),
            (SetBudget(total=Decimal(1)), False),
            (SetBudget(jobs_open=6), True),
            (SetBudget(), False),
        ):
            await service.set(project, body)

            async def is_known(expected: bool = counts) -> bool:
                return settings.marks.counts_jobs(project) is expected

            await until_true(is_known)


async def test_money_messages_are_no_events(bus: NatsBus, project: str) -> None:
    """Whatever counts by the last event of the log waits for none that never comes."""
    entry = await append_event(bus.events, "accepted", a_job(project), 0)

    async with hub_of(bus) as hub:
        await set_limits(bus, project, total="1")
        state = (await bus.jetstream.api(f"STREAM.INFO.{STREAM}"))["state"]

        assert state["last_seq"] > await bus.events.head() >= entry.sequence
        async with asyncio.timeout(TIMEOUT):
            while hub.head < await hub.missed.last_sequence():
                await hub.wait_beyond(hub.head)


async def until_spent(bus: NatsBus, project: str, spent: str, held: str = "0") -> None:
    async def is_so() -> bool:
        total = (await budget_of(bus, project)).running("total")
        return (total.spent, total.held) == (Decimal(spent), Decimal(held))

    await until_true(is_so)


async def ended(bus: NatsBus, job: Record, events: BudgetedEventLog | None = None) -> LogEntry:
    """A job that was accepted, posted and failed: whether it was charged is unknown."""
    entry = await append_event(events or bus.events, "accepted", job, 0)
    submitting = Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[])
    for fact in (Started(run=1), submitting, Failed(problem=PROBLEM, charged="unknown")):
        entry = await transition(bus.events, entry, fact)
    return entry


async def test_a_first_budget_counts_what_is_in_the_log(bus: NatsBus, project: str) -> None:
    await ended(bus, a_job(project))
    await append_event(bus.events, "accepted", a_job(project), 0)

    async with budget_service(bus) as service:
        state = await service.set(project, SetBudget(day=Decimal("0.3")))

        day, month, total = state.windows
        assert (day.spent, day.held, day.left) == (PRICE, Decimal(0), Decimal("0.05"))
        assert (month.limit, month.spent, total.spent) == (None, PRICE, PRICE)
        with pytest.raises(OverBudget):
            await append_event(gateway_events(bus), "accepted", a_job(project), 0)


async def test_no_budget_is_counted_from_a_replica_that_lags(bus: NatsBus, project: str) -> None:
    last = (await ended(bus, a_job(project))).sequence
    replica = LaggingReplica(bus.client).jetstream()

    with pytest.raises(Unavailable, match="lags behind"):
        await read_job_balances(replica, bus.events, project, settled=last, held=last)


async def test_a_budget_that_is_removed_while_it_is_set_is_not_shown_without_being_kept(
    bus: NatsBus, project: str
) -> None:
    projects = KeyValue(bus.jetstream, "projects")

    async def is_marked() -> bool:
        return bool((await projects.read(project)).value.get("budget"))

    async with budget_service(bus, confirmed_within=1) as service:
        setting = asyncio.create_task(service.set(project, SetBudget(total=Decimal(1))))
        await until_true(is_marked)
        await service.set(project, SetBudget())
        await setting

    assert await is_marked()
    assert (await budget_of(bus, project)).limits.total == 1


async def test_ends_are_settled_once_and_thresholds_announced_once(
    bus: NatsBus, project: str
) -> None:
    events = gateway_events(bus)
    async with budget_service(bus) as service:
        await service.set(project, SetBudget(total=Decimal("0.5")))
        await ended(bus, a_job(project), events)
        stopped = await append_event(events, "accepted", a_job(project), 0)
        for _ in range(2):  # the second one begins where the record stands
            async with bookkeeping(bus):
                await until_spent(bus, project, "0.25", held=str(PRICE))
        await transition(bus.events, stopped, Canceled())
        async with bookkeeping(bus):
            await until_spent(bus, project, "0.25")
            await ended(bus, a_job(project), events)
            await until_spent(bus, project, "0.5")

    stored = bus.jetstream.read_all(STREAM, subjects.budget(project))
    told = [ThresholdReached.model_validate_json(each.data) async for each in stored]
    assert [(each.percent, each.window, each.spent) for each in told] == [
        (50, "total", PRICE),
        (100, "total", 2 * PRICE),
    ]
    audit = await audit_budget(bus.jetstream, project)
    assert audit
    assert not audit.differences


async def test_a_budget_that_is_removed_and_set_again_is_counted_anew(
    bus: NatsBus, project: str
) -> None:
    async with budget_service(bus) as service, bookkeeping(bus):
        await service.set(project, SetBudget(total=Decimal(1)))
        assert (await service.set(project, SetBudget())).windows == []
        await ended(bus, a_job(project))

        await service.set(project, SetBudget(total=Decimal(2)))
        await until_spent(bus, project, "0.25")
        await ended(bus, a_job(project), gateway_events(bus))
        await until_spent(bus, project, "0.5")


async def test_the_audit_finds_a_balance_that_is_wrong(bus: NatsBus, project: str) -> None:
    await set_limits(bus, project, total="9")
    await append_event(gateway_events(bus), "accepted", a_job(project), 0)
    sequence, budget = await BudgetLog(bus.jetstream).read(project)
    assert budget
    document = json.loads(budget.model_dump_json())
    document["windows"][-1]["held"] = "0.24"
    await BudgetLog(bus.jetstream).write(BudgetRecord.model_validate(document), sequence)

    audit = await audit_budget(bus.jetstream, project)

    assert audit
    [difference] = audit.differences
    assert difference == ("total", "held", Decimal("0.24"), PRICE, None)
    assert "held in total is 0.24, its jobs make 0.25" in audit.summary()

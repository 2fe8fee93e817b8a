"""A group of jobs holds what fits, in order, within the size of a batch."""

import asyncio
from decimal import Decimal

from heliograph.contracts.budgets.record import BudgetLimits, opened
from heliograph.contracts.budgets.users import BudgetRecords
from heliograph.contracts.cloudevents import EventEnvelope
from heliograph.contracts.errors import OverBudget
from heliograph.contracts.jobs import Cost
from heliograph.contracts.records import Record
from heliograph.runtime.budgets.group_plan import (
    GroupPlan,
    WaitingChange,
    WaitingEvent,
    next_group,
    plan_group,
)
from heliograph.runtime.bus.group_commit import MOST, MOST_BYTES
from heliograph.runtime.clock import now
from tests.support.records import a_record


def a_job(price: str, prompt: str = "p") -> Record:
    record = a_record(project="demo")
    return record.model_copy(update={"cost": Cost(estimated=Decimal(price)), "prompt": prompt})


async def waiting(job: Record) -> WaitingEvent:
    return WaitingEvent(EventEnvelope.of("accepted", job, now(), "test"), 0)


async def planned(total: str, jobs: list[Record]) -> GroupPlan:
    budget = opened("demo", BudgetLimits.model_validate({"total": total}), "UTC", now())
    return plan_group(BudgetRecords(budget, {}), [await waiting(job) for job in jobs], now())


async def test_a_cheaper_job_fits_after_a_dearer_one_that_does_not() -> None:
    jobs = [a_job("0.6"), a_job("0.5"), a_job("0.4"), a_job("0.1")]

    plan = await planned("1", jobs)

    assert [each.event.body.id for each in plan.held] == [jobs[0].id, jobs[2].id]
    refused = [each.waiting for each in plan.refused if isinstance(each.waiting, WaitingEvent)]
    assert [each.event.body.id for each in refused] == [jobs[1].id, jobs[3].id]
    assert plan.budgets.project.running("total").held == 1


async def test_what_is_over_the_size_of_a_batch_waits_for_the_next_one() -> None:
    large = "x" * (MOST_BYTES // 3)

    plan = await planned("9", [a_job("1", large) for _ in range(4)])

    assert len(plan.held) == 2
    assert plan.refused == []
    assert plan.budgets.project.running("total").held == 2


async def test_a_job_is_in_a_group_once_and_a_group_is_bounded() -> None:
    job = a_job("1")
    twice = [await waiting(job), await waiting(job)]
    others = [await waiting(a_job("1")) for _ in range(MOST)]

    group = next_group([*twice, *others])

    assert group[0] is twice[0]
    assert twice[1] not in group
    assert len(group) == MOST


async def test_a_group_is_about_no_more_users_than_fit_into_a_batch() -> None:
    changes = [
        WaitingChange(lambda budgets, _: budgets, frozenset(f"{number}-{n}" for n in range(500)))
        for number in range(2)
    ]

    assert next_group(changes) == changes[:1]
    assert next_group([await waiting(a_job("1")), *changes]) != changes


async def test_one_that_gave_up_waiting_does_not_hold_up_the_others() -> None:
    one = await waiting(a_job("1"))
    one.entry.cancel()
    await asyncio.sleep(0)

    one.store(7, one.event)
    one.refuse(OverBudget())

    assert one.entry.cancelled()

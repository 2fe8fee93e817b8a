"""A gateway remembers the budget that it wrote last, and nothing is decided by what it remembers alone."""

from collections.abc import Collection
from decimal import Decimal

import pytest

from heliograph.contracts.errors import OverBudget
from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.bus.budget_log import BudgetEntry, BudgetLog
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from tests.support.budget_gateways import (
    PRICE,
    a_job,
    budget_of,
    gateway_events,
    no_differences,
    set_limits,
)
from tests.support.budget_marks import Marks


class CountedReads(BudgetLog):
    """Counts what is read of it."""

    reads = 0
    users = 0

    async def read(self, project: str) -> BudgetEntry:
        self.reads += 1
        return await super().read(project)

    async def read_users(self, project: str, users: Collection[str]) -> dict[str, BudgetEntry]:
        self.users += len(users)
        return await super().read_users(project, users)


@pytest.fixture
def budgets(bus: NatsBus) -> CountedReads:
    return CountedReads(bus.jetstream)


@pytest.fixture
def gateway(bus: NatsBus, budgets: CountedReads) -> BudgetedEventLog:
    return BudgetedEventLog(bus.events, BudgetCommitter(bus.jetstream, budgets), Marks())


async def accepted(gateway: BudgetedEventLog, project: str, user: str | None = None) -> None:
    await append_event(gateway, "accepted", a_job(project, user=user), 0)


async def test_a_gateway_alone_reads_the_budget_once(
    bus: NatsBus, project: str, gateway: BudgetedEventLog, budgets: CountedReads
) -> None:
    await set_limits(bus, project, total="9", user={"day": "9"})

    for user in ("ada", "bob", None, "ada", "bob"):
        await accepted(gateway, project, user)

    assert (budgets.reads, budgets.users) == (1, 2)
    assert (await budget_of(bus, project)).running("total").held == 5 * PRICE
    await no_differences(bus, project)


async def test_what_another_gateway_holds_counts_at_once(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    await set_limits(bus, project, total="0.75", user={"day": "0.5"})
    other = gateway_events(bus)
    await accepted(gateway, project, "ada")
    await accepted(other, project, "ada")

    with pytest.raises(OverBudget, match="user"):
        await accepted(gateway, project, "ada")
    await accepted(gateway, project)
    with pytest.raises(OverBudget):
        await accepted(other, project)

    assert (await budget_of(bus, project)).running("total").held == 3 * PRICE
    await no_differences(bus, project)


async def test_a_budget_that_was_raised_refuses_nothing_by_what_is_remembered(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    await set_limits(bus, project, total="0.25")
    await accepted(gateway, project)
    entry = await BudgetLog(bus.jetstream).read(project)
    assert entry.budget
    limits = entry.budget.limits.model_copy(update={"total": Decimal(1)})
    raised = entry.budget.model_copy(update={"limits": limits})
    await BudgetLog(bus.jetstream).write(raised, entry.sequence)

    await accepted(gateway, project)

    assert (await budget_of(bus, project)).running("total").held == 2 * PRICE


async def test_a_budget_is_read_before_each_commit_while_another_process_writes_it(
    bus: NatsBus, project: str, gateway: BudgetedEventLog, budgets: CountedReads
) -> None:
    await set_limits(bus, project, total="9")
    await accepted(gateway, project)
    await accepted(gateway_events(bus), project)
    budgets.reads = 0

    for _ in range(3):
        await accepted(gateway, project)

    assert budgets.reads == 3

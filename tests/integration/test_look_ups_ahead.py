"""Whether a job is known is asked while its request is being checked, and the commit waits for that answer only."""

from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from heliograph.contracts.records import Record
from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from tests.support.budget_gateways import PRICE, a_job, budget_of, gateway_events, set_limits


class CountedReads:
    """A connection that counts the messages of the event log that are read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(self, subject: str, payload: bytes, **fields: Any) -> Msg:
        self.reads += subject == f"$JS.API.DIRECT.GET.{STREAM}"
        return await self._client.request(subject, payload, **fields)


@pytest.fixture
def connection(bus: NatsBus) -> CountedReads:
    return CountedReads(bus.client)


@pytest.fixture
async def gateway(bus: NatsBus, project: str, connection: CountedReads) -> BudgetedEventLog:
    """A gateway that has accepted a job, and knows the budget record of the project."""
    await set_limits(bus, project, total="9")
    gateway = gateway_events(bus, JetStream(cast(Client, connection)))
    await accepted(gateway, a_job(project))
    connection.reads = 0
    return gateway


async def accepted(gateway: BudgetedEventLog, job: Record) -> None:
    await append_event(gateway, "accepted", job, 0)


async def refused_as_known(bus: NatsBus, gateway: BudgetedEventLog, job: Record) -> None:
    """A job of two is not accepted once more, and the prices of these two are held."""
    with pytest.raises(Conflict):
        await accepted(gateway, job)
    assert (await budget_of(bus, job.project)).running("total").held == 2 * PRICE


async def test_the_commit_does_not_ask_again(
    bus: NatsBus, project: str, gateway: BudgetedEventLog, connection: CountedReads
) -> None:
    job = a_job(project)

    await gateway.look_up_ahead(project, job.id)
    assert connection.reads == 1
    await accepted(gateway, job)

    assert connection.reads == 1
    assert (await budget_of(bus, project)).running("total").held == 2 * PRICE


async def test_a_known_job_is_found_and_holds_nothing_more(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    job = a_job(project)
    await accepted(gateway, job)

    await gateway.look_up_ahead(project, job.id)

    await refused_as_known(bus, gateway, job)


async def test_the_look_up_of_another_job_says_nothing(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    known = a_job(project)
    await accepted(gateway, known)

    await gateway.look_up_ahead(project, a_job(project).id)

    await refused_as_known(bus, gateway, known)


async def test_a_look_up_says_nothing_once_there_is_another_record(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    job = a_job(project)
    await gateway.look_up_ahead(project, job.id)
    await accepted(gateway_events(bus), job)
    await gateway.check(a_job(project))  # reads the record of the other gateway
    before = await BudgetLog(bus.jetstream).stored(project)

    with pytest.raises(Conflict):
        await accepted(gateway, job)

    assert await BudgetLog(bus.jetstream).stored(project) == before


async def test_nothing_is_asked_where_the_budget_record_is_not_known(
    bus: NatsBus, project: str, connection: CountedReads
) -> None:
    gateway = gateway_events(bus, JetStream(cast(Client, connection)))

    await gateway.look_up_ahead(project, a_job(project).id)

    assert connection.reads == 0

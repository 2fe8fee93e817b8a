"""Whether a job is known is asked while its request is being checked, and the commit waits for that answer only."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nats.aio.msg import Msg

from heliograph.contracts.records import Record
from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.conflicts import Conflict
from heliograph.runtime.bus.event_log import STREAM
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.request_client import RequestClient
from heliograph.runtime.bus.transitions import append_event
from tests.support.budget_gateways import PRICE, a_job, budget_of, gateway_events, set_limits
from tests.support.servers import Server

READ = f"$JS.API.DIRECT.GET.{STREAM}"


class CountedReads(RequestClient):
    """A connection that counts the messages of the event log that are read."""

    reads = 0
    is_silent = False  #: what is begun has no reply

    async def request(self, subject: str, *arguments: Any, **fields: Any) -> Msg:
        self.reads += subject == READ
        return await super().request(subject, *arguments, **fields)

    def begin_request(
        self, subject: str, payload: bytes, timeout: float
    ) -> asyncio.Future[Msg] | None:
        self.reads += subject == READ
        if self.is_silent:
            subject, timeout = f"{self._inbox}.0", 0.05  # of a reply that nobody waits for
        return super().begin_request(subject, payload, timeout)


@pytest.fixture
async def connection(nats: Server) -> AsyncIterator[CountedReads]:
    connection = CountedReads()
    await connection.connect(nats.settings.nats_login)
    yield connection
    await connection.close()


@pytest.fixture
async def gateway(bus: NatsBus, project: str, connection: CountedReads) -> BudgetedEventLog:
    """A gateway that has accepted a job, and knows the budget record of the project."""
    await set_limits(bus, project, total="9")
    gateway = gateway_events(bus, JetStream(connection))
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

    gateway.look_up_ahead(project, job.id)
    assert connection.reads == 1
    await accepted(gateway, job)

    assert connection.reads == 1
    assert (await budget_of(bus, project)).running("total").held == 2 * PRICE


async def test_a_look_up_without_a_reply_says_nothing(
    bus: NatsBus, project: str, gateway: BudgetedEventLog, connection: CountedReads
) -> None:
    known, job = a_job(project), a_job(project)
    await accepted(gateway, known)
    connection.is_silent, connection.reads = True, 0

    gateway.look_up_ahead(project, known.id)
    with pytest.raises(Conflict):
        await accepted(gateway, known)
    gateway.look_up_ahead(project, job.id)
    await accepted(gateway, job)

    assert connection.reads >= 4  # each was begun, and asked anew
    assert (await budget_of(bus, project)).running("total").held == 3 * PRICE


async def test_a_known_job_is_found_and_holds_nothing_more(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    job = a_job(project)
    await accepted(gateway, job)

    gateway.look_up_ahead(project, job.id)

    await refused_as_known(bus, gateway, job)


async def test_the_look_up_of_another_job_says_nothing(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    known = a_job(project)
    await accepted(gateway, known)

    gateway.look_up_ahead(project, a_job(project).id)

    await refused_as_known(bus, gateway, known)


async def test_a_look_up_says_nothing_once_there_is_another_record(
    bus: NatsBus, project: str, gateway: BudgetedEventLog
) -> None:
    job = a_job(project)
    gateway.look_up_ahead(project, job.id)
    await accepted(gateway_events(bus), job)
    await gateway.check(a_job(project))  # reads the record of the other gateway
    before = await BudgetLog(bus.jetstream).stored(project)

    with pytest.raises(Conflict):
        await accepted(gateway, job)

    assert await BudgetLog(bus.jetstream).stored(project) == before


async def test_nothing_is_asked_where_the_budget_record_is_not_known(
    bus: NatsBus, project: str, connection: CountedReads
) -> None:
    gateway = gateway_events(bus, JetStream(connection))

    gateway.look_up_ahead(project, a_job(project).id)

    assert connection.reads == 0

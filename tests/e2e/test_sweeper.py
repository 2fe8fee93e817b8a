"""What a crash cut in half is finished by the sweeper, and what nobody finishes ends in time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from heliograph.client import Client
from heliograph.contracts.records import Record
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event
from heliograph.runtime.bus.work_queue import STREAM
from heliograph.runtime.clock import now
from heliograph.runtime.settings import ServiceSettings
from tests.support.orphans import make_orphan
from tests.support.records import CURRENT_CATALOG, a_record
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT


@pytest.fixture
async def bus(stack: Stack) -> AsyncIterator[NatsBus]:
    """The bus of the running Heliograph, with its own settings: opening it changes nothing."""
    prefix = "HELIOGRAPH_"
    given = {
        name.removeprefix(prefix).lower(): value
        for name, value in stack.environment.items()
        if name.startswith(prefix)
    }
    settings = ServiceSettings.model_validate(given)
    bus = NatsBus(settings, CURRENT_CATALOG, "test")
    await bus.open()
    yield bus
    await bus.close()


async def _accepted_by_half(bus: NatsBus, project: str, **fields: Any) -> Record:
    """Written down, and then the gateway died."""
    record = a_record(project=project, **fields)
    await append_event(bus.events, "accepted", record, 0)
    return record


async def test_half_an_acceptance_becomes_a_job(bus: NatsBus, client: Client, project: str) -> None:
    record = await _accepted_by_half(bus, project)

    [ended] = await client.finish(record.id)

    assert ended.status == "succeeded"


async def test_a_message_that_is_lost_is_sent_again(
    bus: NatsBus, client: Client, project: str
) -> None:
    jobs = [
        await client.submit(kind="shot", prompt=f"{n}", parameters={"seconds": 2}) for n in range(9)
    ]
    last = jobs[-1].id

    await bus.jetstream.api(f"STREAM.PURGE.{STREAM}", {"filter": f"queue.*.*.*.{last}"})

    ended = await client.finish(*(job.id for job in jobs))
    assert {job.status for job in ended} == {"succeeded"}


async def test_a_message_that_came_back_after_its_acknowledgement_is_deleted(bus: NatsBus) -> None:
    subject = await make_orphan(bus)

    async with asyncio.timeout(TIMEOUT):
        while await bus.jetstream.last(STREAM, subject):
            await asyncio.sleep(0.1)


async def test_a_job_that_is_not_done_in_time_expires(client: Client) -> None:
    job = await client.submit(
        kind="shot",
        prompt="slow",
        parameters={"seconds": 60},
        finish_by=(now() + timedelta(seconds=4)).isoformat(),
    )

    [ended] = await client.finish(job.id)

    assert (ended.status, ended.error and ended.error.code) == ("expired", "deadline")


async def test_the_place_of_a_job_that_is_over_is_freed(bus: NatsBus, client: Client) -> None:
    job = await client.submit(kind="image", prompt="x", parameters={"seconds": 0})
    await client.finish(job.id)
    await bus.accounts.change_cap("sim", 10_000)
    await bus.accounts.acquire("sim", job.id, 1)

    async with asyncio.timeout(TIMEOUT):
        while job.id in (await bus.accounts.usage("sim")).holders:
            await asyncio.sleep(0.1)

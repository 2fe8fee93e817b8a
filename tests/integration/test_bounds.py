"""Every stream and bucket is bounded, and a full one is a clear answer that loses nothing."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.aio.msg import Msg

from deploy.local.processes import nats_server
from heliograph.contracts import subjects
from heliograph.contracts.batches import BatchRequest
from heliograph.contracts.errors import HeliographError, QueueFull, TooManyProjects, Unavailable
from heliograph.contracts.projects import ChangeProject
from heliograph.contracts.requests import JobRequest
from heliograph.runtime.background import run_in_background
from heliograph.runtime.budgets.job_budgets import PlanHolder
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.provisioning import provision
from heliograph.runtime.bus.server_check import UnsupportedServer
from heliograph.runtime.bus.stream_configs import streams
from heliograph.runtime.bus.work_queue import ticket_for
from heliograph.runtime.settings import ServiceSettings
from heliograph.testing.event_log import MemoryEventLog
from services.gateway.bulk.admission import BatchAdmission
from services.gateway.bulk.batch_submission import BatchSubmission
from services.gateway.bulk.plans import Plan, PlanStore
from services.gateway.bus_requests import RequestConsumer
from services.gateway.jobs.acceptance import JobAcceptance
from services.gateway.limits.log_capacity import EventLogCapacity
from services.gateway.projects.settings_store import ProjectSettings
from tests.support.acceptance import accept
from tests.support.memory_gateway import a_gateway
from tests.support.records import CATALOG, CURRENT_CATALOG, a_record, a_request, some_project
from tests.support.servers import Program, free_port, nats_running
from tests.support.timeouts import TIMEOUT

_NEW = ("max_bytes", "max_age", "discard", "max_msgs_per_subject", "discard_new_per_subject")


@asynccontextmanager
async def bus_with(home: Path, **bounds: Any) -> AsyncIterator[NatsBus]:
    """A bus on a server of its own, with other bounds."""
    with nats_running(home) as server:
        bus = NatsBus(server.settings.model_copy(update=bounds), CURRENT_CATALOG, "test")
        await bus.open()
        yield bus
        await bus.close()


async def fill(bucket: KeyValue) -> None:
    """Write new keys, long and short ones, until there is no room."""
    for size in (400, 0):
        with suppress(QueueFull):
            for number in itertools.count():
                await bucket.write(f"filler{size}.{number}", {"job": "x" * size}, 0)


async def test_every_stream_has_a_bound_and_a_policy_and_all_fit_the_shipped_store(
    bus: NatsBus,
) -> None:
    listing = await bus.jetstream.api("STREAM.LIST")
    configs = [each["config"] for each in listing["streams"]]

    assert len(configs) == len(streams(ServiceSettings()))
    for config in configs:
        assert config["max_bytes"] > 0, config["name"]
        assert config["discard"] in ("new", "old"), config["name"]
    settings = ServiceSettings()
    assert sum(config["max_bytes"] for config in streams(settings)) < settings.nats_max_store


async def test_a_store_without_bounds_gets_them_in_place(tmp_path: Path) -> None:
    with nats_running(tmp_path) as server:
        connection = Connection(server.settings, "test")
        await connection.open()
        jetstream = JetStream(connection.client)
        for config in streams(server.settings):
            old = {name: value for name, value in config.items() if name not in _NEW}
            if config["name"].startswith("KV_"):
                old |= {"discard": "new", "max_msgs_per_subject": 5}
            if config["name"] == "EVENTS":
                old |= {"discard": "new", "metadata": {"epoch": "e"}}
            await jetstream.api(f"STREAM.CREATE.{config['name']}", old)
        record = a_record(slot="hero")
        await KeyValue(jetstream, "plans").write("batch", a_plan("batch"), 0)
        await KeyValue(jetstream, "slots").write(f"{record.project}.hero", {"job": record.id}, 0)

        assert await provision(connection.client, server.settings, CATALOG) == "e"

        for config in streams(server.settings):
            current = (await jetstream.api(f"STREAM.INFO.{config['name']}"))["config"]
            assert {name: current.get(name) for name in config} == config
        assert (await KeyValue(jetstream, "plans").read("batch")).value == a_plan("batch")
        assert (await KeyValue(jetstream, "slots").read(f"{record.project}.hero")).revision == 1
        await connection.close()


async def test_an_event_log_larger_than_the_store_is_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    settings = ServiceSettings(home=tmp_path, nats_port=free_port(), nats_max_store=2**30)
    server = Program(settings, nats_server(settings))
    server.start()
    connection = Connection(settings, "test")
    try:
        await connection.open()
        with pytest.raises(
            UnsupportedServer, match=r"EVENTS may take 4294967296 bytes.*max_file_store"
        ):
            await provision(connection.client, settings, CATALOG)
    finally:
        await connection.close()
        server.kill()


async def test_a_full_table_of_slots_is_queue_full_and_nothing_is_claimed(tmp_path: Path) -> None:
    async with bus_with(tmp_path, slots_max_bytes=2**16) as bus:
        log_capacity = EventLogCapacity(bus.jetstream, bus.request, high_watermark=0.9)
        await log_capacity.look()
        log_capacity.check()
        record = a_record(slot="hero")

        await fill(KeyValue(bus.jetstream, "slots"))
        await log_capacity.look()

        with pytest.raises(QueueFull, match="the table of slots"):
            log_capacity.check()
        acceptance = JobAcceptance(events=bus.events, work=bus.work, slots=bus.slots)
        with pytest.raises(QueueFull):
            await accept(acceptance, record)
        assert await bus.events.last(record.id) is None
        assert (await bus.slots.read(record.project, "hero")).job is None


async def test_a_full_backlog_is_queue_full_and_the_sweeper_waits(tmp_path: Path) -> None:
    async with bus_with(tmp_path, work_max_bytes=2**16) as bus:
        log_capacity = EventLogCapacity(bus.jetstream, bus.request, high_watermark=0.9)
        while await bus.work.has_room():
            await bus.work.enqueue(ticket_for(a_record()))

        await log_capacity.look()

        with pytest.raises(QueueFull, match="the backlog"):
            log_capacity.check()


def a_batch(*jobs: JobRequest) -> BatchSubmission:
    project, name = some_project(), uuid4().hex
    return BatchSubmission(
        project=project,
        request=BatchRequest(jobs=[*jobs]),
        key=name,
        traceparent=None,
        access_key=None,
        id=name,
        holder=PlanHolder.new(project, name),
    )


async def test_jobs_that_the_queue_refuses_take_no_room_of_the_event_log(tmp_path: Path) -> None:
    async with bus_with(tmp_path, events_max_bytes=2**20) as bus:
        log_capacity = EventLogCapacity(bus.jetstream, bus.request, high_watermark=0.9)
        await log_capacity.look()
        jobs = a_gateway(MemoryEventLog(), may_wait=0, log_capacity=log_capacity)

        for _ in range(100):
            with pytest.raises(QueueFull, match="may wait"):
                await jobs.reserve([a_record()])

        log_capacity.admit([a_record()])


async def test_a_batch_whose_plan_is_not_stored_takes_no_room_of_the_queue(
    tmp_path: Path,
) -> None:
    async with bus_with(tmp_path) as bus:
        jobs = a_gateway(MemoryEventLog(), may_wait=2)
        admission = BatchAdmission(
            jobs=jobs,
            acceptance=jobs.acceptance,
            plans=PlanStore(bus.jetstream),
            request=bus.request,
        )
        await bus.jetstream.api("STREAM.DELETE.KV_plans")

        for _ in range(3):
            with pytest.raises(Unavailable):
                await admission.admit(a_batch(a_request(), a_request(prompt="another")))


def a_plan(name: str) -> dict[str, Any]:
    plan = Plan(id=name, project="demo", digest="d", jobs=["x" * 400])
    return plan.model_dump(mode="json")


async def test_a_full_table_of_plans_forgets_the_oldest(tmp_path: Path) -> None:
    async with bus_with(tmp_path, plans_max_bytes=2**16) as bus:
        plans = KeyValue(bus.jetstream, "plans")
        for number in range(400):
            await plans.write(f"plan{number}", a_plan(f"plan{number}"), 0)

        assert (await plans.read("plan0")).value == {}
        assert (await plans.read("plan399")).value


async def test_projects_with_settings_are_capped_and_one_that_says_nothing_takes_no_place(
    tmp_path: Path,
) -> None:
    async with bus_with(tmp_path, max_projects=2) as bus:
        projects = ProjectSettings(bus.jetstream, CURRENT_CATALOG)
        styled = ChangeProject.model_validate({"defaults": {"style": "ink"}})
        plain = ChangeProject.model_validate({"defaults": {"style": None}})
        async with run_in_background(projects=projects.watch):
            await projects.change("one", styled)
            await projects.change("two", styled)

            with pytest.raises(TooManyProjects) as refusal:
                await projects.change("three", styled)
            assert (refusal.value.code, refusal.value.status) == ("too_many_projects", 409)
            await projects.change("two", styled)

            await projects.change("one", plain)
            await projects.change("three", styled)
            assert (await projects.defaults("one")).style is None
            assert (await projects.defaults("three")).style == "ink"


async def test_another_gateway_learns_that_a_project_says_nothing_any_more(bus: NatsBus) -> None:
    name, here, there = (
        some_project(),
        *(ProjectSettings(bus.jetstream, CURRENT_CATALOG) for _ in range(2)),
    )
    async with run_in_background(here=here.watch, there=there.watch):
        await here.change(name, ChangeProject.model_validate({"defaults": {"style": "ink"}}))
        async with asyncio.timeout(TIMEOUT):
            while (await there.defaults(name)).style is None:
                await asyncio.sleep(0.05)

        await here.change(name, ChangeProject.model_validate({"defaults": {"style": None}}))

        async with asyncio.timeout(TIMEOUT):
            while (await there.defaults(name)).style:
                await asyncio.sleep(0.05)


class _Refusing:
    """A desk at which every request is refused."""

    async def ask(self, *_: object) -> None:
        raise HeliographError("no")


async def test_an_unstorable_refusal_is_published_and_the_request_acknowledged(
    tmp_path: Path,
) -> None:
    async with bus_with(tmp_path) as bus:
        config = (await bus.jetstream.api("STREAM.INFO.REFUSALS"))["config"]
        full = {**config, "max_bytes": 1, "discard": "new"}
        await bus.jetstream.api("STREAM.UPDATE.REFUSALS", full)
        project, heard = some_project(), asyncio.Queue[Msg]()
        await bus.client.subscribe(subjects.refusal(project), cb=heard.put)
        request = json.dumps({"kind": "image", "prompt": "a lighthouse"}).encode()
        await bus.jetstream.publish(subjects.request(project), request, {"ce-id": "k"})
        pull = await bus.client.jetstream().pull_subscribe_bind("gateway", stream="REQUESTS")
        [message] = await pull.fetch(1)

        await RequestConsumer(bus.jetstream, _Refusing()).handle(message)  # type: ignore[arg-type]

        refusal = await asyncio.wait_for(heard.get(), TIMEOUT)
        assert (refusal.headers or {})["ce-correlationid"] == "k"
        async with asyncio.timeout(TIMEOUT):
            while (await bus.jetstream.api("STREAM.INFO.REQUESTS"))["state"]["messages"]:
                await asyncio.sleep(0.05)

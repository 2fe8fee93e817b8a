"""One message that cannot be read stops nothing but what it is about."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import nats
import pytest
from nats.aio.client import Client as Nats

from heliograph.client import Client
from heliograph.contracts.id_generation import keyed_job_id, new_job_id
from tests.support.polling import until
from tests.support.records import a_record, some_project
from tests.support.shell import Ended, run_heliograph
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

_MORE_THAN_PERMITS = 20  #: messages; storage has 8 permits
PROCESSES = ("gateway", "render", "storage", "status")


@pytest.fixture
async def bus(stack: Stack) -> AsyncIterator[Nats]:
    client = await nats.connect(stack.nats)
    yield client
    await client.close()


def attributes(name: str = "accepted", major: int = 1) -> dict[str, str]:
    return {
        "ce-specversion": "1.0",
        "ce-id": uuid4().hex,
        "ce-type": f"heliograph.job.{name}.v{major}",
        "ce-source": "elsewhere",
        "ce-time": datetime.now(UTC).isoformat(),
    }


def written(project: str, job: str, **news: Any) -> bytes:
    return json.dumps(a_record(project=project, job=job).model_dump(mode="json") | news).encode()


async def works(stack: Stack, **request: Any) -> None:
    """A job of another project is made, and the read model has it."""
    async with stack.client(some_project()) as client:
        job = await client.submit(
            kind="image", prompt="a lighthouse", parameters={"seconds": 0}, **request
        )
        await until(client, job.id, status="succeeded")
        async with asyncio.timeout(TIMEOUT):
            while [each.status async for each in client.jobs()] != ["succeeded"]:
                await asyncio.sleep(0.05)


async def ask(stack: Stack, project: str, **body: Any) -> httpx.Response:
    """With the key `k`."""
    async with httpx.AsyncClient(base_url=stack.url("gateway")) as http:
        return await http.post(
            f"/v1/projects/{project}/jobs",
            json={"kind": "image", "prompt": "a lighthouse", **body},
            headers={"Idempotency-Key": "k"},
        )


async def warned(stack: Stack, subject: str) -> Mapping[str, Any]:
    """What every service says about a message, while it is ready all the same."""
    warnings: list[Mapping[str, Any]] = []
    async with asyncio.timeout(TIMEOUT), httpx.AsyncClient() as http:
        for service in PROCESSES:
            while True:
                response = await http.get(f"{stack.url(service)}/readyz")
                current = [w for w in response.json()["warnings"] if w["subject"] == subject]
                if current:
                    break
                await asyncio.sleep(0.1)
            assert response.status_code == 200
            warnings += current
    return warnings[0]


async def command(stack: Stack, *arguments: str) -> Ended:
    return await asyncio.to_thread(run_heliograph, stack, *arguments)


UNREADABLE: dict[str, tuple[dict[str, str], Callable[[str, str], bytes]]] = {
    "a text": (attributes(), lambda *_: b"garbage"),
    "a list": (attributes(), lambda *_: b"[]"),
    "no attributes": ({}, written),
    "another major version": (attributes(major=2), written),
    "a type of nobody's": ({**attributes(), "ce-type": 'x","op":"event'}, written),
    "another job": (attributes(), lambda project, _: written(project, new_job_id())),
    "a time without a zone": (
        attributes(),
        lambda project, job: written(project, job, finish_by="2026-05-04T00:00:00"),
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_an_unreadable_event_stops_only_its_job(
    stack: Stack, bus: Nats, project: str, kind: str
) -> None:
    headers, body = UNREADABLE[kind]
    job = keyed_job_id(project, "k")
    subject = f"events.{project}.{job}"

    await bus.jetstream().publish(subject, body(project, job), headers=headers)
    await bus.jetstream().publish(f"$KV.slots.{project}.busy", json.dumps({"job": job}).encode())

    await works(stack)
    key = await ask(stack, project)
    assert (key.status_code, key.json()["code"]) == (503, "unreadable")
    async with stack.client(project) as client:
        with pytest.raises(Exception, match="slot_busy"):
            await client.submit(kind="image", prompt="a lighthouse", slot="busy")
    warning = await warned(stack, subject)
    assert warning["stream"] == "EVENTS"
    kept = await command(stack, "unreadable", "remove", "EVENTS", str(warning["sequence"]))
    assert kept.returncode == 1
    assert "never removed" in kept.stderr
    last = await bus.jetstream().get_last_msg("EVENTS", subject)
    assert last.seq == warning["sequence"]


async def test_what_the_database_does_not_take_keeps_no_other_from_the_read_model(
    stack: Stack, bus: Nats, project: str
) -> None:
    job = new_job_id()
    asset = {"id": "a", "index": 0, "media_type": "x", "bytes": 10**30, "sha256": "0"}
    body = written(project, job, assets=[asset])

    await bus.jetstream().publish(f"events.{project}.{job}", body, headers=attributes())

    await works(stack)
    assert "database" in (await warned(stack, f"events.{project}.{job}"))["reason"]


async def test_a_job_that_cannot_be_read_any_more_keeps_the_sweeper_from_no_other(
    stack: Stack, client: Client, bus: Nats, project: str
) -> None:
    lost = await client.submit(
        kind="image", prompt="a lighthouse", parameters={"seconds": 60}, slot="lost"
    )
    await until(client, lost.id, status="running")
    soon = datetime.now(UTC) + timedelta(seconds=5)
    late = await client.submit(
        kind="image", prompt="a lighthouse", after=[lost.id], finish_by=soon.isoformat()
    )

    await bus.jetstream().publish(f"events.{project}.{lost.id}", b"garbage", headers=attributes())

    await until(client, late.id, status="expired")
    await works(stack)


async def test_what_a_later_release_says_is_applied_and_kept(
    client: Client, bus: Nats, project: str
) -> None:
    job = await client.submit(kind="image", prompt="a lighthouse", parameters={"seconds": 2})
    await until(client, job.id, phase="rendering")
    subject = f"events.{project}.{job.id}"
    last = await bus.jetstream().get_last_msg("EVENTS", subject)
    assert last.data
    record = json.loads(last.data)
    record |= {"revision": record["revision"] + 1, "weather": "fog", "detail": "in the fog"}
    record["internal"] |= {"tide": {"high": True}}

    sent = {"Nats-Expected-Last-Subject-Sequence": str(last.seq)}
    await bus.jetstream().publish(
        subject, json.dumps(record).encode(), headers=attributes("polished") | sent
    )

    done = await until(client, job.id, status="succeeded")
    after = await bus.jetstream().get_last_msg("EVENTS", subject)
    assert after.data
    kept = json.loads(after.data)
    assert done.revision > record["revision"]
    assert (kept["weather"], kept["internal"]["tide"]) == ("fog", {"high": True})


async def test_garbage_on_the_queue_stops_no_dispatch_and_can_be_removed(
    stack: Stack, bus: Nats, project: str
) -> None:
    subject = f"queue.portraits.normal.{project}.{new_job_id()}"
    ack = await bus.jetstream().publish(subject, b"garbage")

    await works(stack)
    warning = await warned(stack, subject)
    assert (warning["stream"], warning["sequence"]) == ("WORK", ack.seq)
    assert subject in (await command(stack, "unreadable", "list", "--json")).stdout
    removed = await command(stack, "unreadable", "remove", "WORK", str(ack.seq))

    assert (removed.returncode, removed.stdout) == (0, "garbage\n")
    assert subject not in (await command(stack, "unreadable", "list", "--json")).stdout
    with pytest.raises(Exception, match="no message found"):
        await bus.jetstream().get_msg("WORK", ack.seq)


def ticket_of(lane: str, project: str, job: str) -> bytes:
    fields = {"job": job, "project": project, "lane": lane, "priority": "normal", "account": "sim"}
    return json.dumps(fields).encode()


@pytest.mark.parametrize("lane", ["portraits", "_storage"])
@pytest.mark.parametrize("is_ticket", [False, True], ids=["garbage", "not scheduled"])
async def test_queue_messages_that_cannot_be_moved_keep_no_other_from_its_turn(
    stack: Stack, bus: Nats, lane: str, is_ticket: bool
) -> None:
    """More than are moved together, each of another project, so that all are before the others."""
    stream, sequences = bus.jetstream(), []
    for _ in range(_MORE_THAN_PERMITS):
        project, job = some_project(), new_job_id()
        body = ticket_of(lane, project, job) if is_ticket else b"garbage"
        subject = f"queue.{lane}.normal.{project}.{job}"
        sequences.append((await stream.publish(subject, body)).seq)

    try:
        await works(stack)
        await warned(stack, subject)
    finally:
        for sequence in sequences:
            await stream.delete_msg("WORK", sequence)
            await stream.purge_stream("DEAD", subject=f"dead.unreadable.WORK.{sequence}")


@pytest.mark.parametrize("text", [b"permissions violation", b"authorization violation", b"\xff{"])
async def test_a_text_on_the_bus_ends_no_process(stack: Stack, bus: Nats, text: bytes) -> None:
    before = {name: stack.pid(name) for name in stack.processes}
    encoded = json.dumps(text.decode(errors="replace")).encode()

    for subject in (
        *("progress.p.j", "control.room.portraits", "control.look_up.j", "control.cancel.j"),
        *("control.clean", "queued.portraits.normal.p.j", "command.assets.remove"),
        *("query.assets.sign", "query.assets.uploads", "query.jobs.list", "query.lanes"),
        *("query.position.j", "query.jobs.progress.j", "query.slots.get", "$KV.lanes"),
    ):
        for body in (text, encoded):
            await bus.publish(subject, body, headers={"Nats-Subject": text.decode("latin-1")})
    await bus.flush()

    await works(stack)
    assert {name: stack.pid(name) for name in stack.processes} == before


async def test_settings_that_cannot_be_read_stop_only_their_project(
    stack: Stack, client: Client, bus: Nats, project: str
) -> None:
    key = f"$KV.projects.{project}"
    ack = await bus.jetstream().publish(key, b'{"defaults": "none"}')

    warning = await warned(stack, key)
    refused = await ask(stack, project)
    await works(stack)
    removed = await command(stack, "unreadable", "remove", warning["stream"], str(ack.seq))

    assert (refused.status_code, refused.json()["code"]) == (503, "unreadable")
    assert removed.returncode == 0, removed.stderr
    job = await client.submit(kind="image", prompt="a lighthouse", parameters={"seconds": 0})
    await until(client, job.id, status="succeeded")


async def test_a_lane_goes_by_the_catalog_while_its_limits_cannot_be_read(
    stack: Stack, bus: Nats
) -> None:
    ack = await bus.jetstream().publish("$KV.lanes.portraits", b"[1]")

    await works(stack)
    await warned(stack, "$KV.lanes.portraits")
    removed = await command(stack, "unreadable", "remove", "KV_lanes", str(ack.seq))
    assert removed.returncode == 0
    await works(stack)


def test_only_what_cannot_be_read_is_removed(stack: Stack) -> None:
    refused = run_heliograph(stack, "unreadable", "remove", "KV_slots", "1")

    assert refused.returncode == 1
    assert "no unreadable message" in refused.stderr

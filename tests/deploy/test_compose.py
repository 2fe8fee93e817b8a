"""All of it in containers does its job through one origin, and no more can be reached or done."""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from deploy.compose.demo import ORIGIN, ComposeProject, download, make_picture
from deploy.images.docker import run
from deploy.local.processes import program
from heliograph.contracts.live_frames import SUBPROTOCOL
from tests.support.records import some_project
from tests.support.watcher import Watcher, ends

SERVICES = ("gateway", "render", "storage", "status")
BUS = ("nats_nkey", "nats_ca.crt")  #: what each needs of NATS


async def test_a_picture_is_made_and_fetched_through_one_origin(containers: ComposeProject) -> None:
    async with containers.client(containers.first_key()) as client:
        job = await make_picture(client)
    assert job["status"] == "succeeded", job
    [asset] = job["assets"]

    async with containers.client() as stranger:
        data = await download(stranger, asset)

    assert asset["url"].startswith("https://localhost:8443/heliograph/")
    assert hashlib.sha256(data).hexdigest() == asset["sha256"]


async def test_nobody_is_let_in_without_a_key(containers: ComposeProject) -> None:
    async with containers.client() as stranger:
        responses = [
            await stranger.get("/v1/projects/demo/jobs"),
            await stranger.get("/v1/events", params={"project": "demo"}),
            await stranger.put(f"/v1/projects/demo/uploads/sha256/{'0' * 64}", content=b"x"),
            await stranger.get("/metrics"),
        ]

    assert [response.status_code for response in responses] == [401, 401, 401, 404]


async def test_events_come_through_the_front(containers: ComposeProject) -> None:
    async with containers.client(containers.first_key()) as client:
        job = await make_picture(client)
        stream = client.stream("GET", "/v1/events", params={"project": "demo"})
        async with stream as response:
            async for line in response.aiter_lines():
                if job["id"] in line:
                    break
            else:
                pytest.fail("the stream ended without the job")

    assert response.status_code == httpx.codes.OK


async def test_the_console_is_at_the_same_origin(containers: ComposeProject) -> None:
    async with containers.client() as client:
        page = await client.get("/", headers={"Accept": "text/html"})

    assert page.status_code == httpx.codes.OK
    assert "<script" in page.text


@pytest.mark.parametrize("port", [4222, 8222, 9000, 5432, 8080, 8081, 8082, 8083])
def test_nothing_but_the_front_is_published(containers: ComposeProject, port: int) -> None:
    published = {each["PublishedPort"] for each in _published(containers)} - {0}

    assert published == {8443}
    assert port not in published
    with socket.socket() as probe:
        probe.settimeout(1)
        probe.connect(("127.0.0.1", 8443))


def _published(containers: ComposeProject) -> list[dict[str, Any]]:
    lines = containers.call("ps", "--format", "json").splitlines()
    return [port for line in lines for port in json.loads(line)["Publishers"] or []]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cannot_write_where_its_code_is(containers: ComposeProject, service: str) -> None:
    said = containers.call("exec", "-T", service, "sh", "-c", "touch /app/x 2>&1 || true")

    assert "Read-only file system" in said


@pytest.mark.parametrize(
    ("service", "secrets"),
    [
        ("gateway", {*BUS}),
        (
            "render",
            {
                *BUS,
                "FAL_KEY",
                "REPLICATE_API_TOKEN",
                "GEMINI_API_KEY",
                "OPENAI_API_KEY",
            },
        ),
        (
            "storage",
            {*BUS, "heliograph_s3_access_key", "heliograph_s3_secret_key"},
        ),
        ("status", {*BUS, "heliograph_database_url"}),
        ("dispatcher", {*BUS}),
    ],
    ids=[*SERVICES, "dispatcher"],
)
def test_a_service_has_its_own_secrets_only(
    containers: ComposeProject, service: str, secrets: set[str]
) -> None:
    assert set(containers.call("exec", "-T", service, "ls", "/run/secrets").split()) == secrets


@pytest.mark.parametrize(
    ("service", "networks"),
    [
        ("gateway", {"inside"}),
        ("render", {"inside", "outside"}),
        ("storage", {"inside", "outside"}),
        ("status", {"inside"}),
        ("dispatcher", {"inside"}),
    ],
    ids=[*SERVICES, "dispatcher"],
)
def test_only_render_and_storage_reach_out(
    containers: ComposeProject, service: str, networks: set[str]
) -> None:
    processes = containers.call("ps", "--quiet", service).split()

    for container in json.loads(_inspected(*processes)):
        names = container["NetworkSettings"]["Networks"]
        assert {name.rpartition("_")[2] for name in names} == networks


def test_the_inner_network_leads_nowhere(containers: ComposeProject) -> None:
    networks = json.loads(_inspected(f"{containers.name}_inside"))

    assert [network["Internal"] for network in networks] == [True]


def _inspected(*names: str) -> str:
    return run([program("docker"), "inspect", *names])


async def test_a_live_client_goes_on_at_another_status(containers: ComposeProject) -> None:
    """Of two processes each is stopped once, so once it is the one that the client was connected to."""
    key, project = containers.first_key(), some_project()
    statuses = containers.call("ps", "--quiet", "status").split()
    cursor: dict[str, Any] = {}
    jobs: list[str] = []

    async with containers.client(key) as client:
        for status in statuses:
            async with _live(containers, key, project=project, **cursor) as watcher:
                subscribed = await watcher.until(lambda frame: frame["op"] == "subscribed")
            run([program("docker"), "stop", status])
            jobs.append((await make_picture(client, project))["id"])
            cursor = {"after": {"epoch": subscribed["epoch"], "sequence": subscribed["head"]}}
            async with _live(containers, key, project=project, **cursor) as watcher:
                resumed = await watcher.until(lambda frame: frame["op"] == "subscribed")
                await watcher.until(ends(jobs[-1]))
            run([program("docker"), "start", status])
            sequences = [each["sequence"] for each in watcher.events()]

            assert resumed["recovered"]
            assert sequences == sorted(set(sequences))

    assert len(statuses) == 2


@asynccontextmanager
async def _live(containers: ComposeProject, key: str, **subscribe: Any) -> AsyncIterator[Watcher]:
    """A connection through the front, subscribed."""
    async with connect(
        ORIGIN.replace("https", "wss") + "/v1/live",
        ssl=containers.certificates(),
        additional_headers={"Authorization": f"Bearer {key}"},
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        max_size=None,
    ) as socket:
        watcher = Watcher(socket)
        await watcher.say(op="subscribe", id=1, **subscribe)
        yield watcher


async def test_requests_are_answered_while_a_gateway_is_stopped(containers: ComposeProject) -> None:
    gateway = containers.call("ps", "--quiet", "gateway").split()[0]
    async with containers.client(containers.first_key()) as client:
        run([program("docker"), "stop", gateway])
        responses = [await client.get("/v1/projects") for _ in range(20)]
    run([program("docker"), "start", gateway])

    assert {response.status_code for response in responses} == {httpx.codes.OK}


async def test_jobs_wait_while_no_render_runs(containers: ComposeProject) -> None:
    """The dispatcher gives them their turn all the same."""
    key, project = containers.first_key(), some_project()
    [render] = containers.call("ps", "--quiet", "render").split()
    async with containers.client(key) as client:
        run([program("docker"), "stop", render])
        making = asyncio.create_task(make_picture(client, project))
        queue = await client.get("/v1/lanes/shots/queue")  # the dispatcher is asked
        run([program("docker"), "start", render])
        job = await making

    assert queue.status_code == httpx.codes.OK
    assert job["status"] == "succeeded"

"""All of it in containers does its job through one origin, and no more can be reached or done."""

import hashlib
import json
import socket
from typing import Any

import httpx
import pytest

from deploy.compose.demo import ComposeProject, download, make_picture
from deploy.images.docker import run
from deploy.local.processes import program

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
        answers = [
            await stranger.get("/v1/projects/demo/jobs"),
            await stranger.get("/v1/events", params={"project": "demo"}),
            await stranger.put(f"/v1/projects/demo/uploads/sha256/{'0' * 64}", content=b"x"),
            await stranger.get("/metrics"),
        ]

    assert [answer.status_code for answer in answers] == [401] * 4


async def test_events_come_through_the_front(containers: ComposeProject) -> None:
    async with containers.client(containers.first_key()) as client:
        job = await make_picture(client)
        stream = client.stream("GET", "/v1/events", params={"project": "demo"})
        async with stream as answer:
            async for line in answer.aiter_lines():
                if job["id"] in line:
                    break
            else:
                pytest.fail("the stream ended without the job")

    assert answer.status_code == httpx.codes.OK


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
    container = json.loads(_inspected(containers.call("ps", "--quiet", service)))[0]

    names = container["NetworkSettings"]["Networks"]

    assert {name.rpartition("_")[2] for name in names} == networks


def test_the_inner_network_leads_nowhere(containers: ComposeProject) -> None:
    networks = json.loads(_inspected(f"{containers.name}_inside"))

    assert [network["Internal"] for network in networks] == [True]


def _inspected(name: str) -> str:
    return run([program("docker"), "inspect", name])

"""
Other services on the bus: they ask, are refused, and follow what they asked for.

Everything here is done with a NATS client and the published schemas, and nothing else of ours.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import nats
import pytest
from jsonschema import Draft202012Validator
from nats.aio.client import Client as Nats
from nats.js.api import ConsumerConfig, DeliverPolicy

from deploy.local.processes import ROOT
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

GOLDEN = Path(__file__).parent.parent / "contract" / "golden"

Heard = list[tuple[Mapping[str, str], dict[str, Any]]]  #: headers and body


@pytest.fixture
async def bus(stack: Stack) -> AsyncIterator[Nats]:
    client = await nats.connect(stack.nats)
    yield client
    await client.close()


@pytest.fixture
def asyncapi(stack: Stack) -> dict[str, Any]:
    """What the gateway publishes about the bus."""
    document: dict[str, Any] = httpx.get(f"{stack.url('gateway')}/asyncapi").json()
    return document


def _request(**fields: Any) -> bytes:
    body = {"kind": "image", "prompt": "a lighthouse", "parameters": {"seconds": 0}, **fields}
    return json.dumps(body).encode()


async def _ask(bus: Nats, project: str, body: bytes, key: str | None) -> None:
    headers = {"ce-id": key} if key else {}
    await bus.jetstream().publish(f"requests.{project}", body, headers=headers)


async def _read(bus: Nats, stream: str, subject: str, until: str) -> Heard:
    """What stands on a subject, up to a message of a type."""
    heard: Heard = []
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    reading = await bus.jetstream().subscribe(
        subject, stream=stream, ordered_consumer=True, config=config
    )
    while True:
        message = await reading.next_msg(timeout=TIMEOUT)
        headers = message.headers or {}
        heard.append((headers, json.loads(message.data)))
        if headers["ce-type"] == until:
            await reading.unsubscribe()
            return heard


def _is_valid(document: dict[str, Any], message: str, body: dict[str, Any]) -> bool:
    """Whether a body is what the published document says of a message."""
    payload = document["components"]["messages"][message]["payload"]
    schema = {**payload, "components": document["components"]}
    return bool(Draft202012Validator(schema).is_valid(body))


async def test_a_foreign_service_asks_and_follows(
    bus: Nats, project: str, asyncapi: dict[str, Any]
) -> None:
    key = uuid4().hex
    assert _is_valid(asyncapi, "request", json.loads(_request()))

    await _ask(bus, project, _request(), key)
    heard = await _read(bus, "EVENTS", f"events.{project}.>", "heliograph.job.succeeded.v1")

    assert {headers["ce-correlationid"] for headers, _ in heard} == {key}
    assert [headers["ce-sequence"] for headers, _ in heard] == [
        str(n) for n in range(1, len(heard) + 1)
    ]
    assert all(_is_valid(asyncapi, "event", body) for _, body in heard)
    assert heard[-1][1]["assets"]


async def test_the_same_request_twice_is_one_job(bus: Nats, stack: Stack, project: str) -> None:
    key = uuid4().hex
    paid = _request(parameters={"seconds": 0, "price": "0.01"})

    for _ in range(3):
        await _ask(bus, project, paid, key)
    await _read(bus, "EVENTS", f"events.{project}.>", "heliograph.job.succeeded.v1")

    assert len(stack.ledger(project)) == 1


async def test_a_request_without_a_name_is_a_job_of_its_own(bus: Nats, project: str) -> None:
    await _ask(bus, project, _request(), None)

    heard = await _read(bus, "EVENTS", f"events.{project}.>", "heliograph.job.succeeded.v1")

    assert "ce-correlationid" not in heard[0][0]


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        (b"", "k", "malformed_request"),
        (b"{not json", "k", "malformed_request"),
        (b"[1]", "k", "validation_failed"),
        (_request(kind="statue"), "k", "unknown_kind"),
        (_request(size="large"), "k", "validation_failed"),
        (_request(parameters={"price": "1"}), None, "idempotency_key_required"),
        (_request(), "k" * 256, "idempotency_key_invalid"),
        (_request(max_cost="0", parameters={"price": "1"}), "k", "over_max_cost"),
    ],
)
async def test_a_request_that_cannot_be_is_refused_where_its_sender_looks(
    bus: Nats, project: str, asyncapi: dict[str, Any], body: bytes, key: str | None, code: str
) -> None:
    await _ask(bus, project, body, key)

    [(headers, problem)] = await _read(
        bus, "REFUSALS", f"requests.refused.{project}", "heliograph.request.refused.v1"
    )

    assert problem["code"] == code
    assert headers.get("ce-correlationid") == key
    assert _is_valid(asyncapi, "refusal", problem)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (_request(**{f"unknown{n}": n for n in range(20_000)}), "k"),
        (_request(parameters={"seed": "7" * 600_000}), "k"),
        (_request(**{"x" * 600_000: 1}), "k"),
        (b"{}", "k" * 65_400),  # the headers of a refusal have no room for it
    ],
    ids=["many", "value", "name", "key"],
)
async def test_a_refusal_always_fits_into_a_message(
    bus: Nats, project: str, body: bytes, key: str
) -> None:
    await _ask(bus, project, body, key)

    [(headers, problem)] = await _read(
        bus, "REFUSALS", f"requests.refused.{project}", "heliograph.request.refused.v1"
    )

    assert problem["status"] in (400, 422)
    assert key.startswith(headers["ce-correlationid"])


async def test_another_body_under_the_same_name_is_refused(bus: Nats, project: str) -> None:
    await _ask(bus, project, _request(), "k")
    await _read(bus, "EVENTS", f"events.{project}.>", "heliograph.job.succeeded.v1")

    await _ask(bus, project, _request(prompt="another"), "k")

    [(_, problem)] = await _read(
        bus, "REFUSALS", f"requests.refused.{project}", "heliograph.request.refused.v1"
    )
    assert problem["code"] == "idempotency_key_reused"


async def test_many_requests_at_once_all_become_jobs(bus: Nats, stack: Stack, project: str) -> None:
    count = 200
    await asyncio.gather(
        *(_ask(bus, project, _request(prompt=f"{n}"), f"k{n}") for n in range(count))
    )

    keys: set[str] = set()
    reading = await bus.jetstream().subscribe(f"events.{project}.>", ordered_consumer=True)
    while len(keys) < count:
        headers = (await reading.next_msg(timeout=TIMEOUT)).headers or {}
        if headers["ce-type"] == "heliograph.job.accepted.v1":
            keys.add(headers["ce-correlationid"])

    assert keys == {f"k{n}" for n in range(count)}


def test_the_example_in_the_documents_works(stack: Stack) -> None:
    text = (ROOT / "docs" / "operation.md").read_text().split("## Submitting jobs on the bus")[1]
    place = urlsplit(stack.nats)
    example = (
        text.split("```python\n")[1]
        .split("```")[0]
        .replace(".heliograph/", f"{stack.home}/")
        .replace("127.0.0.1:4222", f"{place.hostname}:{place.port}")
        .replace("keeper-1", uuid4().hex)
    )

    ran = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, timeout=100, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].endswith("succeeded.v1")

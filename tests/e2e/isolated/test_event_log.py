"""
The event log is shared: no project locks the others out of it, what was accepted ends, and what was
removed to make room is said to be gone.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets

from heliograph.contracts.compaction import MAX_COMPACTED_BYTES
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.settings import ServiceSettings
from tests.support.records import some_project
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT

_MIB = 2**20
_LARGE = "🗼" * 5_000  #: 20 kB of prompt
_FINAL = frozenset({"succeeded", "failed", "canceled", "expired"})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A log of a few MiB that is compacted as soon as it is nearly full."""
    settings = {
        "HELIOGRAPH_EVENTS_MAX_BYTES": str(8 * _MIB),
        "HELIOGRAPH_COMPACTION_INTERVAL": "0.5",
        "HELIOGRAPH_COMPACT_AFTER": "PT5S",
        "HELIOGRAPH_COMPACT_AT": "0.5",
    }
    with stack_running(tmp_path_factory.mktemp("small"), settings, preloaded=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def never_compacted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A log of a few MiB in which nothing is old enough to be compacted."""
    settings = {
        "HELIOGRAPH_EVENTS_MAX_BYTES": str(8 * _MIB),
        "HELIOGRAPH_COMPACTION_INTERVAL": "0.5",
    }
    with stack_running(tmp_path_factory.mktemp("log"), settings, preloaded=True) as stack:
        yield stack


class Submitter:
    """A client that submits free jobs in one project."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient, project: str) -> None:
        self.project = project
        self.jobs: list[str] = []
        self._url, self._http = stack.url("gateway"), http

    async def ask(self, **fields: Any) -> httpx.Response:
        key = fields.pop("key", uuid4().hex)
        body = {
            "kind": "image",
            "model": "sim/picture",
            "prompt": _LARGE,
            "parameters": {"seconds": 0, "price": "0"},
            **fields,
        }
        response = await self._http.post(
            f"{self._url}/v1/projects/{self.project}/jobs",
            json=body,
            headers={"Idempotency-Key": key},
        )
        if response.status_code == 202:
            self.jobs.append(response.json()["id"])
        return response

    async def ask_until_accepted(self, seconds: float = TIMEOUT) -> httpx.Response:
        """What was admitted a moment ago may be counted twice until the log is read: ask again."""
        async with asyncio.timeout(seconds):
            while (response := await self.ask()).status_code == 503:
                await asyncio.sleep(0.5)
        return response

    async def flood(self) -> httpx.Response:
        """Ask until it is refused."""
        while True:
            response = await self.ask()
            if response.status_code != 202:
                return response

    async def job(self, name: str) -> dict[str, Any]:
        response = await self._http.get(f"{self._url}/v1/jobs/{name}")
        return dict(response.json())

    async def cancel(self, name: str) -> int:
        response = await self._http.post(f"{self._url}/v1/jobs/{name}/cancel", json={})
        return response.status_code

    async def events(self, name: str) -> dict[str, Any]:
        response = await self._http.get(f"{self._url}/v1/jobs/{name}/events")
        return dict(response.json())

    async def until_all_ended(self, seconds: float = TIMEOUT) -> dict[str, str]:
        ended: dict[str, str] = {}
        async with asyncio.timeout(seconds):
            while len(ended) < len(self.jobs):
                for name in self.jobs:
                    if name not in ended:
                        status = (await self.job(name))["status"]
                        if status not in _FINAL:
                            await asyncio.sleep(0.1)
                            break
                        ended[name] = status
        return ended


async def an_http(stack: AsyncExitStack) -> httpx.AsyncClient:
    return await stack.enter_async_context(httpx.AsyncClient(timeout=TIMEOUT, trust_env=False))


async def test_large_jobs_of_one_project_do_not_lock_out_others(never_compacted: Stack) -> None:
    async with AsyncExitStack() as opened:
        http = await an_http(opened)
        flooding, other = (Submitter(never_compacted, http, some_project()) for _ in range(2))

        refusal = await flooding.flood()
        await flooding.until_all_ended()
        refusal_later = await flooding.flood()
        accepted = [await other.ask_until_accepted() for _ in range(3)]

        for each in (refusal, refusal_later):
            assert (each.status_code, each.json()["code"]) == (503, "queue_full")
            assert int(each.headers["Retry-After"]) > 0
        assert [each.status_code for each in accepted] == [202] * 3
        assert set((await other.until_all_ended()).values()) == {"succeeded"}


async def test_a_backlog_that_was_admitted_always_ends_and_cancels(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = {
        "HELIOGRAPH_EVENTS_MAX_BYTES": str(8 * _MIB),
        "HELIOGRAPH_COMPACTION_INTERVAL": "0.5",
    }
    home = tmp_path_factory.mktemp("backlog")
    with stack_running(home, settings, preloaded=True) as stack:
        async with AsyncExitStack() as opened:
            http = await an_http(opened)
            lanes = f"{stack.url('gateway')}/v1/lanes/portraits"
            assert (await http.patch(lanes, json={"paused": True})).status_code == 200
            submitters = [Submitter(stack, http, some_project()) for _ in range(12)]
            for submitter in submitters:
                refusal = await submitter.flood()
                assert refusal.json()["code"] == "queue_full"
            jobs = [(submitter, job) for submitter in submitters for job in submitter.jobs]
            assert len(jobs) > 10

            assert (await http.patch(lanes, json={"paused": False})).status_code == 200
            canceled = [await submitter.cancel(job) for submitter, job in jobs[::3]]

            assert set(canceled) <= {200, 202, 409}
            for submitter in submitters:
                await submitter.until_all_ended()
            paid = sum(len(stack.ledger(submitter.project)) for submitter in submitters)
            assert paid <= len(jobs)


async def test_what_ended_long_ago_makes_room_and_is_still_known(small: Stack) -> None:
    async with AsyncExitStack() as opened:
        http = await an_http(opened)
        submitter = Submitter(small, http, some_project())
        first = (await submitter.ask(key="the-first", slot="hero", tags={"show": "one"})).json()
        await submitter.until_all_ended()
        before = await submitter.job(first["id"])
        assert (await submitter.events(first["id"]))["compacted"] is False

        async with asyncio.timeout(TIMEOUT):
            while not (now := await submitter.job(first["id"])).get("compacted_at"):
                await submitter.flood()
                await submitter.until_all_ended()
                await asyncio.sleep(0.5)
        async with asyncio.timeout(TIMEOUT):
            while len((events := await submitter.events(first["id"]))["items"]) > 1:
                await asyncio.sleep(0.2)

        for name in ("status", "slot", "charged", "cost", "tags", "finished_at"):
            assert now[name] == before[name]
        assert [each["id"] for each in now["assets"]] == [each["id"] for each in before["assets"]]
        assert len(now["prompt"].encode()) <= 200
        assert events["compacted"] is True
        replay = await submitter.ask(key="the-first", slot="hero", tags={"show": "one"})
        assert replay.json()["id"] == first["id"]
        other = await submitter.ask(key="the-first", prompt="another")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        stored = await _last_event(small, submitter.project, first["id"])
        assert len(stored) <= MAX_COMPACTED_BYTES

        frame = await _resumed(small, submitter.project, first["sequence"])
        assert frame["recovered"] is False
        newer = Submitter(small, http, some_project())
        last = (await newer.ask(prompt="a lighthouse")).json()["sequence"]
        assert (await _resumed(small, newer.project, last))["recovered"] is True


async def _last_event(stack: Stack, project: str, job: str) -> bytes:
    """The body of a job's last event, as the log has it."""
    settings = ServiceSettings(home=stack.home, nats_port=stack.ports["nats"])
    connection = Connection(settings, "test")
    await connection.open()
    try:
        message = await JetStream(connection.client).last("EVENTS", f"events.{project}.{job}")
    finally:
        await connection.close()
    assert message
    return message.data


async def _resumed(stack: Stack, project: str, sequence: int) -> dict[str, Any]:
    """How a client that comes back with a cursor is welcomed."""
    async with websockets.connect(stack.live) as socket:
        await socket.send(json.dumps({"op": "subscribe", "id": 1, "project": project}))
        epoch = json.loads(await socket.recv())["epoch"]
    async with websockets.connect(stack.live) as socket:
        after = {"epoch": epoch, "sequence": sequence}
        subscribe = {"op": "subscribe", "id": 1, "project": project, "after": after}
        await socket.send(json.dumps(subscribe))
        frame: dict[str, Any] = json.loads(await socket.recv())
        if not frame["recovered"]:
            assert json.loads(await socket.recv())["op"] == "snapshot"
        return frame

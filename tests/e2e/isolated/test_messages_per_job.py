"""A plain job takes as few messages and requests as docs/performance.md says, and no more."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import nats
import pytest
from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.runtime.bus.event_log import STREAM as EVENTS
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.work_queue import STREAM as WORK
from tests.support.flush import flush
from tests.support.polling import until_true
from tests.support.refusing_store import RefusingStore, refusing_store
from tests.support.servers import Server
from tests.support.stack import Stack
from tests.support.timeouts import TIMEOUT

BUCKETS = ("KV_slots", "KV_accounts", "KV_uploads")


@pytest.fixture(scope="module")
def store(s3: Server) -> Iterator[RefusingStore]:
    assert s3.settings.s3_endpoint
    with refusing_store(s3.settings.s3_endpoint) as store:
        yield store


@pytest.fixture(scope="module")
def stack(
    s3: Server, store: RefusingStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    secret = s3.settings.s3_secret_key
    home: Path = tmp_path_factory.mktemp("home")
    settings = {
        "HELIOGRAPH_S3_ENDPOINT": store.url,
        "HELIOGRAPH_S3_BUCKET": f"b{uuid4().hex[:12]}",
        "HELIOGRAPH_S3_ACCESS_KEY": s3.settings.s3_access_key or "",
        "HELIOGRAPH_S3_SECRET_KEY": secret.get_secret_value() if secret else "",
        "HELIOGRAPH_ACK_WAIT": "60",  # a busy machine stores nothing within a second
    }
    stack = Stack(home, settings, preloaded=True)
    with stack.running():
        yield stack


class Traffic:
    """What is said about one job, on every subject."""

    def __init__(self) -> None:
        self._messages: list[Msg] = []
        self._stored = asyncio.Event()

    async def hear(self, message: Msg) -> None:
        self._messages.append(message)
        if message.subject == subjects.lane_capacity(subjects.STORE_LANE):
            self._stored.set()

    async def until_stored(self) -> None:
        """Until storage is done with a job, after its acknowledgement."""
        async with asyncio.timeout(TIMEOUT):
            await self._stored.wait()

    def reads(self, job: str) -> int:
        """How often the event log was asked for the job."""
        return sum(
            message.subject == f"$JS.API.DIRECT.GET.{EVENTS}" and job.encode() in message.data
            for message in self._messages
        )

    def hints(self, project: str) -> Counter[str]:
        """Messages that nobody stores."""
        asked = [subjects.STORE_PERMIT, subjects.lane_capacity("text")]
        asked += [subjects.lane_capacity(subjects.STORE_LANE), subjects.progress(project, "*")]
        return Counter(each.subject for each in self._messages if each.subject in asked)


@asynccontextmanager
async def _listening(stack: Stack) -> AsyncIterator[tuple[JetStream, Traffic]]:
    client, traffic = await nats.connect(stack.nats), Traffic()
    await client.subscribe(">", cb=traffic.hear)
    await flush(client)
    try:
        yield JetStream(client), traffic
    finally:
        await client.close()


async def _stored_in(jetstream: JetStream, stream: str) -> int:
    """Messages that were ever stored in a stream."""
    return int((await jetstream.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"])


async def test_a_text_takes_nine_stored_messages_two_reads_and_two_requests_to_the_store(
    stack: Stack, store: RefusingStore, project: str
) -> None:
    streams = (EVENTS, WORK, *BUCKETS)
    body = {"kind": "scenes", "prompt": "a keeper waits", "parameters": {"seconds": 0}}
    store.asked.clear()

    async with _listening(stack) as (jetstream, traffic):
        before = {name: await _stored_in(jetstream, name) for name in streams}
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as http:
            url = f"{stack.url('gateway')}/v1/projects/{project}/jobs"
            headers = {"Idempotency-Key": uuid4().hex}
            job = (await http.post(url, json=body, headers=headers)).json()["id"]
        await traffic.until_stored()
        stored = {name: await _stored_in(jetstream, name) - before[name] for name in streams}

    assert stored == {EVENTS: 6, WORK: 3, **dict.fromkeys(BUCKETS, 0)}
    assert traffic.reads(job) == 2
    assert traffic.hints(project) == {
        subjects.STORE_PERMIT: 1,
        subjects.lane_capacity("text"): 1,
        subjects.lane_capacity(subjects.STORE_LANE): 1,
    }
    assert store.asked == ["PUT", "PUT"]


async def test_a_budget_adds_a_record_with_the_hold_and_one_with_the_settlement(
    stack: Stack, project: str
) -> None:
    parameters = {"seconds": 0, "price": "0.01"}
    body = {"kind": "scenes", "prompt": "a keeper waits", "parameters": parameters}
    gateway = f"{stack.url('gateway')}/v1/projects/{project}"

    async with (
        _listening(stack) as (jetstream, traffic),
        httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as http,
    ):
        await http.put(f"{gateway}/budget", json={"total": "1"})
        before = await _stored_in(jetstream, EVENTS)
        headers = {"Idempotency-Key": uuid4().hex}
        job = (await http.post(f"{gateway}/jobs", json=body, headers=headers)).json()["id"]
        await traffic.until_stored()

        async def is_settled() -> bool:
            state = (await http.get(f"{gateway}/budget")).json()
            return bool(Decimal(state["windows"][-1]["spent"]))

        await until_true(is_settled)
        stored = await _stored_in(jetstream, EVENTS) - before

    assert stored == 6 + 2
    assert traffic.reads(job) - (2 + 2) in (0, 1)  # status looks at a record after two seconds

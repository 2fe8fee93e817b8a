"""Whatever one project has rendered, another one's picture is stored soon."""

import asyncio
import io
import math
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from PIL import Image

from heliograph.contracts.job_events import Rendered, Started, Submitted, Submitting
from heliograph.contracts.job_steps import Step
from heliograph.contracts.outputs import Output
from heliograph.contracts.records import Record
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.bus.work_queue import STREAM
from heliograph.runtime.settings import ServiceSettings
from tests.support.films import film
from tests.support.records import CURRENT_CATALOG, a_record, some_project
from tests.support.servers import free_port
from tests.support.stack import Stack, stack_running
from tests.support.timeouts import TIMEOUT

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 2**20
VIDEOS, PICTURES = 200, 12
PERMITS, SHARE = 8, 6  #: jobs that are stored at once, and those of one project
PROGRAMS = 3  #: large pictures that are opened at once


class ResultHost:
    """A host of provider results: a small picture, a large one, and a video that comes slowly."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self._port = port
        self.late_until = 0.0  #: until when what is late is not there
        self._small = _png(64, 48)
        self._large = _noisy(8000, 8000)
        self._video = _large_film(6 * MIB)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    def close(self) -> None:
        self._server.close()

    def output(self, name: str) -> Output:
        return Output(url=f"http://{self.host}/{name}/{uuid4().hex}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            name = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().split("/")[1]
            if name == "late" and time.monotonic() < self.late_until:
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            body = {
                "late": self._small,
                "small": self._small,
                "large": self._large,
                "video": self._video,
            }[name]
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            for start in range(0, len(body), MIB):
                writer.write(body[start : start + MIB])
                await writer.drain()
                if name == "video":
                    await asyncio.sleep(0.25)  # as far as this provider's line goes
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def _large_film(size: int) -> bytes:
    """A small film, and a box of nothing that makes it as large."""
    return film() + size.to_bytes(4, "big") + b"free" + bytes(size - 8)


def _png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def _noisy(width: int, height: int) -> bytes:
    """A picture that takes a while to open."""
    buffer = io.BytesIO()
    tile = Image.effect_noise((500, 500), 90).convert("RGB")
    tile.resize((width, height)).save(buffer, "JPEG", quality=85, progressive=True)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def result_host() -> ResultHost:
    return ResultHost(free_port())


@pytest.fixture(scope="module")
def stack(result_host: ResultHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {
        "HELIOGRAPH_PROVIDER_HOSTS": result_host.host,
        "HELIOGRAPH_STORAGE_CONCURRENCY": str(PERMITS),
        "HELIOGRAPH_MISSING_RESULT_DEADLINE": str(2 * TIMEOUT),
    }
    with stack_running(
        tmp_path_factory.mktemp("turns") / "home", settings, preloaded=True
    ) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bus(stack: Stack, result_host: ResultHost) -> AsyncIterator[NatsBus]:
    """The bus of the running Heliograph, with its own settings; and what it fetches from."""
    await result_host.open()
    prefix = "HELIOGRAPH_"
    given = {
        name.removeprefix(prefix).lower(): value
        for name, value in stack.environment.items()
        if name.startswith(prefix)
    }
    bus = NatsBus(ServiceSettings.model_validate(given), CURRENT_CATALOG, "test")
    await bus.open()
    yield bus
    await bus.close()
    result_host.close()


async def _render(bus: NatsBus, project: str, output: Output, **request: Any) -> LogEntry:
    """A job whose provider is done, as render leaves it."""
    record = a_record(project=project, **request)
    intent = Submitting(run=1, endpoint="e", prompt=record.prompt, arguments={}, references=[])
    entry = await append_event(bus.events, "accepted", record, 0)
    for fact in (Started(run=1), intent, Submitted(run=1, request_id="sim_1")):
        entry = await transition(bus.events, entry, fact)
    entry = await transition(bus.events, entry, Rendered(run=1, outputs=[output]))
    await bus.work.publish_store(project, record.id)
    return entry


async def _stored(bus: NatsBus, result_host: ResultHost) -> tuple[int, int]:
    """Store a small picture of a project that has nothing else: from which event to which."""
    entry = await _render(bus, some_project(), result_host.output("small"))
    async with asyncio.timeout(TIMEOUT):
        while (latest := await _latest(bus, entry)).record.step is not Step.SUCCEEDED:
            await asyncio.sleep(0.01)
    return entry.sequence, latest.sequence


async def _latest(bus: NatsBus, entry: LogEntry) -> LogEntry:
    latest = await bus.events.last(entry.record.id)
    assert latest
    return latest


async def _now(bus: NatsBus, entry: LogEntry) -> Record:
    return (await _latest(bus, entry)).record


async def test_a_job_skips_the_storage_queue_while_it_is_empty(
    bus: NatsBus, result_host: ResultHost
) -> None:
    project = some_project()
    entry = await _render(bus, project, result_host.output("small"))
    queued = await bus.jetstream.last(STREAM, f"queue.*.*.{project}.*")
    async with asyncio.timeout(TIMEOUT):
        while (await _now(bus, entry)).step is not Step.SUCCEEDED:
            await asyncio.sleep(0.01)

    assert queued is None


async def test_no_job_passes_those_of_its_project_that_wait(
    bus: NatsBus, result_host: ResultHost
) -> None:
    project = some_project()
    entries = [
        await _render(bus, project, result_host.output("video"), kind="video")
        for _ in range(SHARE + 2)
    ]

    given = await _subjects(bus, f"store.{project}.*")
    waiting = await _subjects(bus, f"queue.*.*.{project}.*")

    assert {subject.rsplit(".", 1)[-1] for subject in waiting} == {
        entry.record.id for entry in entries[SHARE:]
    }
    assert len(given) <= SHARE
    await bus.jetstream.api(f"STREAM.PURGE.{STREAM}", {"filter": f"queue.*.*.{project}.*"})
    async with asyncio.timeout(TIMEOUT):
        while await _subjects(bus, f"store.{project}.*"):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "kind", "count", "most"),
    [("video", "video", VIDEOS, 2 * PERMITS), ("large", "image", PICTURES, PROGRAMS)],
)
async def test_a_picture_is_stored_soon_behind_all_that_another_project_has(
    bus: NatsBus, result_host: ResultHost, name: str, kind: str, count: int, most: int
) -> None:
    """While it is stored, no more of the others end than are in hand, and as many again of what is small."""
    large = some_project()
    entries = [await _render(bus, large, result_host.output(name), kind=kind) for _ in range(count)]
    await _until_one_is_fetched(bus, large)

    small = [await _stored(bus, result_host) for _ in range(3)]

    latest = [await _latest(bus, entry) for entry in entries]
    ends = [entry.sequence for entry in latest if entry.record.step is Step.SUCCEEDED]
    passed = sorted(sum(begin < each < end for each in ends) for begin, end in small)
    left = [entry for entry in latest if entry.record.step is Step.RENDERED]
    assert passed[1] <= most, passed
    assert len(left) > count // 4, "there was nothing to wait behind"
    await bus.jetstream.api(f"STREAM.PURGE.{STREAM}", {"filter": f"queue.*.*.{large}.*"})


async def _subjects(bus: NatsBus, subject: str) -> set[str]:
    """Of the messages in the work queue that match."""
    info = await bus.jetstream.api(f"STREAM.INFO.{STREAM}", {"subjects_filter": subject})
    return set(info["state"].get("subjects") or ())


async def _until_one_is_fetched(bus: NatsBus, project: str) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not await bus.jetstream.last(STREAM, f"store.{project}.*"):
            await asyncio.sleep(0.01)


async def test_what_an_earlier_version_left_for_the_workers_is_stored(
    bus: NatsBus, result_host: ResultHost
) -> None:
    """Its tickets were on `store.>` at once."""
    project = some_project()
    entry = await _render(bus, project, result_host.output("small"))
    async with asyncio.timeout(TIMEOUT):
        while (await _now(bus, entry)).step is not Step.SUCCEEDED:
            await asyncio.sleep(0.01)
    other = a_record(project=project)
    first = await append_event(bus.events, "accepted", other, 0)
    for fact in (
        Started(run=1),
        Submitting(run=1, endpoint="e", prompt="p", arguments={}, references=[]),
        Submitted(run=1, request_id="sim_2"),
        Rendered(run=1, outputs=[result_host.output("small")]),
    ):
        first = await transition(bus.events, first, fact)

    await bus.jetstream.publish(f"store.{project}.{other.id}", b"{}", {})

    async with asyncio.timeout(TIMEOUT):
        while (await _now(bus, first)).step is not Step.SUCCEEDED:
            await asyncio.sleep(0.01)


async def test_missing_results_hold_no_permits_while_they_wait(
    bus: NatsBus, result_host: ResultHost
) -> None:
    project = some_project()
    result_host.late_until = math.inf
    late = [await _render(bus, project, result_host.output("late")) for _ in range(12)]
    await _until_one_is_fetched(bus, project)

    await _stored(bus, result_host)
    async with asyncio.timeout(TIMEOUT):
        while await bus.jetstream.last(STREAM, f"store.{project}.*"):
            await asyncio.sleep(0.01)

    assert {(await _now(bus, entry)).step for entry in late} == {Step.RENDERED}
    result_host.late_until = 0.0
    async with asyncio.timeout(TIMEOUT):
        while {(await _now(bus, entry)).step for entry in late} != {Step.SUCCEEDED}:
            await asyncio.sleep(0.1)

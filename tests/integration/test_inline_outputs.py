"""Outputs that came inside a response are kept, whatever ends before storage has them."""

import asyncio
import fcntl
import os
import stat
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from heliograph.contracts.errors import Deadline, OutputRefused, OutputTooLarge, Unavailable
from heliograph.contracts.job_events import (
    Canceled,
    Expired,
    JobEvent,
    RetryScheduled,
    Started,
    Submitting,
    SubmitUnknown,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.outputs import Output, Withheld
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.clock import now
from services.render.providers.output_upload import OutputUploader
from services.render.worker.context import Worker
from services.render.worker.disk_spool import DiskSpool
from services.render.worker.inline_outputs import recover
from services.render.worker.outcomes import unknown_outcome_problem
from services.render.worker.posts_in_flight import PostsInFlight
from services.render.worker.response_spool import InlineResponse, KeptResponse, NoRoom
from tests.support.http_server import served
from tests.support.records import a_record
from tests.support.servers import Server
from tests.support.worker_doubles import MemoryOutputReceiver
from tests.support.workers import a_worker

RUN = 7
MODEL = "openai/gpt-image-2"


# -- what is found at a start


def _files(folder: Path) -> list[Path]:
    return [*folder.iterdir()]


async def _with(bus: NatsBus, entry: LogEntry, *facts: JobEvent) -> LogEntry:
    for fact in facts:
        entry = await transition(bus.events, entry, fact)
    return entry


async def _submitting(bus: NatsBus) -> LogEntry:
    record = a_record()
    cost = record.cost.model_copy(update={"estimated": Decimal("0.05")})
    record = record.model_copy(update={"cost": cost})
    entry = await append_event(bus.events, "accepted", record, 0)
    intent = Submitting(run=RUN, endpoint="picture", prompt="x", arguments={}, references=[])
    return await _with(bus, entry, Started(run=RUN), intent)


def _response(entry: LogEntry, content: bytes = b"picture") -> InlineResponse:
    return InlineResponse(
        project=entry.record.project,
        job=entry.record.id,
        run=RUN,
        outputs=[Output(inline=f"{entry.record.id}/digest")],
        sizes=[len(content)],
        charged="yes",
        answer="{}",
    )


@pytest.fixture
def worker(bus: NatsBus, nats: Server, tmp_path: Path) -> Worker:
    spool = DiskSpool(tmp_path, max_bytes=1000)
    return replace(
        a_worker(bus, nats.settings), spool=spool, output_uploader=MemoryOutputReceiver()
    )


async def _left_behind(worker: Worker, entry: LogEntry) -> None:
    """A response as a process leaves it that dies."""
    (await worker.spool.keep(_response(entry), [b"picture"])).release()


def _brought(worker: Worker) -> list[bytes]:
    assert isinstance(worker.output_uploader, MemoryOutputReceiver)
    return [*worker.output_uploader.brought.values()]


@pytest.mark.parametrize("is_lost", [False, True])
async def test_an_answer_that_was_left_behind_makes_its_job_rendered(
    bus: NatsBus, worker: Worker, tmp_path: Path, is_lost: bool
) -> None:
    entry = await _submitting(bus)
    if is_lost:
        entry = await _with(
            bus, entry, SubmitUnknown(run=RUN, problem=unknown_outcome_problem(entry.record))
        )
    await _left_behind(worker, entry)

    await recover(worker)

    last = await worker.read(entry.record.id)
    assert last
    assert (last.record.step, last.record.charged) == (Step.RENDERED, "yes")
    assert last.record.internal.outputs == _response(entry).outputs
    assert await bus.work.has_work(entry.record.id)
    assert (_brought(worker), _files(tmp_path)) == ([b"picture"], [])


@pytest.mark.parametrize("reason", ["no_output", "content_policy"])
async def test_missing_outputs_are_reported_though_the_process_died(
    bus: NatsBus, worker: Worker, reason: str
) -> None:
    entry = await _submitting(bus)
    lack = {"withheld": [Withheld(index=1, reason=reason)], "detail": "1 of 2 outputs withheld"}
    response = _response(entry).model_copy(update=lack)
    (await worker.spool.keep(response, [b"picture"])).release()

    await recover(worker)

    last = await worker.read(entry.record.id)
    assert last
    assert (last.record.withheld, last.record.detail) == (lack["withheld"], lack["detail"])


@pytest.mark.parametrize(
    "end", [Canceled(charged="unknown"), Expired(problem=Deadline().problem(), charged="unknown")]
)
async def test_after_the_end_an_answer_completes_the_attempt_and_what_it_cost(
    bus: NatsBus, worker: Worker, end: JobEvent
) -> None:
    entry = await _with(bus, await _submitting(bus), end)
    await _left_behind(worker, entry)

    await recover(worker)
    await recover(worker)

    last = await worker.read(entry.record.id)
    assert last
    assert last.event.name == "attempt_completed"
    assert last.record.status == entry.record.status
    assert last.record.finished_at == entry.record.finished_at
    assert last.record.charged == "yes"
    assert last.record.internal.outputs == _response(entry).outputs
    assert _brought(worker) == [b"picture"]


async def test_an_answer_in_the_hands_of_a_process_is_not_taken_from_it(
    bus: NatsBus, worker: Worker
) -> None:
    entry = await _submitting(bus)
    held = await worker.spool.keep(_response(entry), [b"picture"])

    await recover(worker)

    last = await worker.read(entry.record.id)
    assert last
    assert (last.sequence, last.record) == (entry.sequence, entry.record)
    held.release()


async def test_an_answer_stays_on_disk_while_storage_does_not_take_it(
    bus: NatsBus, worker: Worker, tmp_path: Path
) -> None:
    class Closed:
        async def upload(self, project: str, job: str, sha256: str, content: bytes) -> None:
            raise Unavailable

    entry = await _submitting(bus)
    await _left_behind(worker, entry)

    await recover(replace(worker, output_uploader=Closed()))
    left = _files(tmp_path)
    await recover(worker)

    assert len(left) == 1
    assert (_brought(worker), _files(tmp_path)) == ([b"picture"], [])


async def test_an_answer_waits_until_another_attempt_of_its_job_is_over(
    bus: NatsBus, worker: Worker
) -> None:
    entry = await _submitting(bus)
    await _left_behind(worker, entry)
    again = RetryScheduled(not_before=now(), reason="asked", detail="", charged="unknown")
    entry = await _with(bus, entry, again)

    await recover(worker)
    before = await worker.read(entry.record.id)
    await _with(bus, entry, Canceled(charged="unknown"))
    await recover(worker)

    after = await worker.read(entry.record.id)
    assert before
    assert (before.sequence, before.record) == (entry.sequence, entry.record)
    assert after
    assert (after.event.name, after.record.charged) == ("attempt_completed", "yes")


@pytest.mark.parametrize("error", [OutputRefused, OutputTooLarge])
async def test_what_storage_never_takes_ends_the_job_and_was_paid_for(
    bus: NatsBus, worker: Worker, tmp_path: Path, error: type[OutputRefused | OutputTooLarge]
) -> None:
    class Refusing:
        async def upload(self, project: str, job: str, sha256: str, content: bytes) -> None:
            raise error

    entry = await _submitting(bus)
    await _left_behind(worker, entry)

    await recover(replace(worker, output_uploader=Refusing()))

    last = await worker.read(entry.record.id)
    assert last
    assert last.record.error
    assert (last.record.error.code, last.record.charged) == (error.code, "yes")
    assert not _files(tmp_path)


# -- the spool


async def test_only_the_owner_reads_the_spool(bus: NatsBus, nats: Server, tmp_path: Path) -> None:
    folder = nats.settings.folder.folder("spool")
    kept = await DiskSpool(folder, max_bytes=1000).keep(_response(await _submitting(bus)), [b"x"])
    [file] = _files(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept.remove()


async def test_a_spool_is_bounded(bus: NatsBus, tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, max_bytes=600)
    first = await spool.keep(_response(await _submitting(bus)), [b"x" * 7])
    another = _response(await _submitting(bus))

    with pytest.raises(NoRoom):
        await spool.keep(another, [b"x" * 400])

    first.remove()
    (await spool.keep(another, [b"x" * 7])).remove()


async def test_an_answer_is_read_as_it_was_written(bus: NatsBus, tmp_path: Path) -> None:
    spool, contents = DiskSpool(tmp_path, max_bytes=10_000), [b"one\n", b"", b"\0two"]
    response = _response(await _submitting(bus)).model_copy(update={"sizes": [4, 0, 4]})
    (await spool.keep(response, contents)).release()

    [kept] = await spool.abandoned()

    assert kept.response == response
    assert [content async for _, content in kept.contents()] == contents
    assert await spool.abandoned() == []
    kept.remove()


async def test_a_response_that_is_being_written_is_nobody_elses(
    bus: NatsBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process looks for responses of dead ones between the creation of a file and its lock."""
    spool, response = DiskSpool(tmp_path, max_bytes=10_000), _response(await _submitting(bus))
    taken: list[KeptResponse] = []

    def lock_late(handle: int, operation: int) -> None:
        monkeypatch.undo()
        taken.extend(asyncio.run(DiskSpool(tmp_path, max_bytes=10_000).abandoned()))
        fcntl.flock(handle, operation)

    monkeypatch.setattr("heliograph.runtime.file_lock.fcntl.flock", lock_late)
    kept = await spool.keep(response, [b"picture"])

    assert taken == []
    kept.release()
    [recovered] = await spool.abandoned()
    assert recovered.response == response
    recovered.remove()


@pytest.mark.parametrize("name", ["job-7.draft", ".job-7.answer"])
async def test_a_draft_of_a_dead_process_stops_no_recovery_and_goes_after_an_hour(
    bus: NatsBus, tmp_path: Path, name: str
) -> None:
    spool, draft = DiskSpool(tmp_path, max_bytes=10_000), tmp_path / name
    draft.write_bytes(b"")
    (await spool.keep(_response(await _submitting(bus)), [b"picture"])).release()

    [recovered] = await spool.abandoned()
    recovered.remove()
    assert _files(tmp_path) == [draft]

    an_hour_ago = time.time() - 3601
    os.utime(draft, (an_hour_ago, an_hour_ago))
    assert await spool.abandoned() == []
    assert _files(tmp_path) == []


async def test_a_damaged_response_is_set_aside_and_all_others_are_recovered(
    bus: NatsBus, tmp_path: Path
) -> None:
    spool = DiskSpool(tmp_path, max_bytes=10_000)
    (tmp_path / "a-7.answer").write_bytes(b"\0\0")
    (await spool.keep(_response(await _submitting(bus)), [b"picture"])).release()

    with capture_logs() as lines:
        [recovered] = await spool.abandoned()

    recovered.remove()
    assert [(line["event"], line["file"]) for line in lines] == [
        ("Spooled response damaged", "a-7.damaged")
    ]
    assert [file.name for file in _files(tmp_path)] == ["a-7.damaged"]


async def test_a_drain_waits_for_posts_in_flight_and_no_longer_than_they_may_take() -> None:
    posts, clock = PostsInFlight(), asyncio.get_running_loop().time
    over = asyncio.Event()

    async def post(until_: float) -> None:
        with posts.delay_shutdown(until_):
            await over.wait()

    quick = asyncio.create_task(post(clock() + 60))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(posts.wait())
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    over.set()
    await waiting
    await quick
    over.clear()
    endless = asyncio.create_task(post(clock() + 0.1))
    await asyncio.sleep(0)
    await posts.wait()

    assert not done
    assert len(posts) == 1
    over.set()
    await endless


# -- the door


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (201, None),
        (413, OutputTooLarge),
        (422, OutputRefused),
        (400, Unavailable),
        (401, Unavailable),
        (403, Unavailable),
        (404, Unavailable),
        (408, Unavailable),
        (421, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_only_what_storage_says_of_an_output_itself_is_final(
    status: int, outcome: type[Exception] | None
) -> None:
    async def response(_: Request) -> Response:
        return Response(status_code=status)

    app = Starlette(routes=[Route("/{path:path}", response, methods=["PUT"])])
    async with served(app) as url:
        uploader = OutputUploader(url)
        try:
            await uploader.upload("demo", "job", "0" * 64, b"picture")
            caught: type[Exception] | None = None
        except (OutputRefused, OutputTooLarge, Unavailable) as error:
            caught = type(error)
        await uploader.aclose()

    assert caught is outcome

"""A rendered job ends with its outputs stored, or says why not, and what was paid is never forgotten."""

import asyncio
import hashlib
import io
import json
import shutil
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from PIL import Image

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.errors import OutputExpired, Unavailable
from heliograph.contracts.id_generation import asset_id, new_job_id
from heliograph.contracts.job_events import (
    CancelRequested,
    JobEvent,
    Rendered,
    Started,
    Submitted,
    Submitting,
)
from heliograph.contracts.job_steps import Step
from heliograph.contracts.level import LEVEL
from heliograph.contracts.object_keys import inline_folder, inline_key, objects_of, output_key
from heliograph.contracts.outputs import Output
from heliograph.contracts.progress import ProgressReport
from heliograph.contracts.records import Record
from heliograph.contracts.scene_markdown import as_markdown
from heliograph.contracts.scenes import Story
from heliograph.contracts.state_machine import apply
from heliograph.contracts.subjects import progress
from heliograph.runtime.bus.transitions import append_event, transition
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.clock import now
from heliograph.runtime.fetching.fetch_hosts import FetchHosts
from heliograph.testing.event_log import MemoryEventLog
from heliograph.testing.work_queue import MemoryWorkQueue
from services.render.providers.sim.scenes import write_scenes
from services.storage.content import Body, Content
from services.storage.media.images import ImageWorkers
from services.storage.outputs.download import OutputDownloader
from services.storage.outputs.inline_results import InlineResults
from services.storage.outputs.job_ingest import JobIngest
from services.storage.outputs.output_ingest import OutputIngest
from services.storage.outputs.sources import Sources
from services.storage.settings import StorageSettings
from services.storage.stores import Corrupted, StoreUnavailable
from services.storage.stores.memory import MemoryStore
from services.storage.uploads.uploads import Uploads
from tests.support.films import boxes, film
from tests.support.records import CATALOG, a_record, some_project
from tests.support.timeouts import TIMEOUT

pytestmark = pytest.mark.asyncio(loop_scope="module")

_MANY = 20  #: jobs
_PICTURES_AT_ONCE = 6  #: three quarters of what a process has on the disk

Page = Callable[[], Awaitable[bytes | int]]  #: what a page answers: bytes, or a status


class Host:
    """Where a provider's results wait."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requested: list[str] = []
        self._visits: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.name = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def output(self, page: Page) -> Output:
        """A page as an output of a job."""
        path = f"/{uuid4().hex}"
        self.pages[path] = page
        return Output(url=f"http://{self.name}{path}")

    def _welcome(self, reader: StreamReader, writer: StreamWriter) -> None:
        visit = asyncio.create_task(self._serve(reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.requested.append(path)
            response = await self.pages[path]()
            status, body = (response, b"") if isinstance(response, int) else (200, response)
            head = f"HTTP/1.1 {status} Here\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def gives(response: bytes | int) -> Page:
    async def page() -> bytes | int:
        return response

    return page


async def hangs() -> bytes:
    await asyncio.Event().wait()
    return b""


def a_picture(width: int = 64, height: int = 48) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "PNG")
    return buffer.getvalue()


class NoUploads(Uploads):
    """Nobody brought anything."""

    def __init__(self) -> None:
        pass

    async def find(self, project: str, sha256: str) -> dict[str, Any] | None:
        return None


class IngestRig:
    """A `JobIngest` with in-memory parts, and a real host to fetch from."""

    def __init__(self, host: Host, image_workers: ImageWorkers, home: Path) -> None:
        self.host = host
        self.events = MemoryEventLog()
        self.work = MemoryWorkQueue()
        self.store = MemoryStore()
        self.downloader = OutputDownloader(FetchHosts(own=[host.name]), deadline=5)
        self.uploads: Uploads = NoUploads()
        self.renewals: list[str] = []  #: jobs for which fresh addresses were asked
        self.renewed: list[Output] = []  #: what the provider says
        self.hints: list[tuple[str, ProgressReport]] = []
        self.settings = StorageSettings(home=home, missing_result_deadline=0, report_after=0)
        self.level = LEVEL
        self.folder = self.settings.folder.folder("tmp")
        self._image_workers = image_workers
        self.catalog: Catalog = CATALOG

    @property
    def ingest(self) -> JobIngest:
        """One made of the parts as they are now."""
        sources = Sources(
            self.downloader,
            self.uploads,
            InlineResults(self.events, self.store),
            deadline=self.settings.download_deadline,
        )
        output_ingest = OutputIngest(
            store=self.store,
            sources=sources,
            image_workers=self._image_workers,
            folder=self.folder,
            catalog=CurrentCatalog(self.catalog),
            settings=self.settings,
        )
        return JobIngest(
            events=self.events,
            work=self.work,
            notify=self._record_hint,
            sources=sources,
            output_ingest=output_ingest,
            renew=self._renew,
            settings=self.settings,
            allows=self._allows,
        )

    async def _allows(self, level: int) -> bool:
        return level <= self.level

    async def _renew(self, job: str) -> list[Output]:
        self.renewals.append(job)
        return self.renewed

    async def _record_hint(self, subject: str, body: bytes = b"") -> None:
        self.hints.append((subject, ProgressReport.model_validate_json(body)))

    async def rendered(
        self, *pages: Page, ago: timedelta = timedelta(), outputs: Any = None, **request: Any
    ) -> Record:
        """A job that was paid for, and whose outputs are on these pages."""
        outputs = outputs or [self.host.output(page) for page in pages]
        request = {"parameters": {"price": "0.01"}, **request}
        record = a_record(**request)
        await append_event(self.events, "accepted", record, 0)
        await self.happens(record, Started(run=1), ago)
        await self.happens(record, _submitting(record), ago)
        await self.happens(record, Submitted(run=1, request_id="sim_1"), ago)
        return await self.happens(record, Rendered(run=1, outputs=outputs), ago)

    async def happens(self, job: Record, fact: JobEvent, ago: timedelta = timedelta()) -> Record:
        entry = self.events.latest(job.id)
        assert entry
        at = now() - ago
        record = apply(entry.record, fact, at)
        await append_event(self.events, fact.name, record, entry.sequence, at)
        return record

    def canceling(self, response: bytes | int, mode: Any = "stop") -> tuple[Page, list[str]]:
        """A page that makes somebody cancel the job while it is being fetched."""
        jobs: list[str] = []

        async def page() -> bytes | int:
            entry = self.events.latest(jobs[0])
            assert entry
            await transition(self.events, entry, CancelRequested(mode=mode))
            return response

        return page, jobs

    def happened(self, job: Record) -> list[str]:
        return [entry.event.name for entry in self.events.of(job.id)]

    def left_behind(self) -> list[Path]:
        return list(self.folder.iterdir())


def _submitting(record: Record) -> Submitting:
    return Submitting(run=1, endpoint="picture", prompt=record.prompt, arguments={}, references=[])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def image_workers() -> AsyncIterator[ImageWorkers]:
    image_workers = ImageWorkers(max_pixels=1_000_000)
    yield image_workers
    await image_workers.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def rig(image_workers: ImageWorkers, tmp_path: Path) -> AsyncIterator[IngestRig]:
    host = Host()
    await host.open()
    rig = IngestRig(host, image_workers, tmp_path / "home")
    yield rig
    await rig.downloader.aclose()
    await host.close()


async def _stored(rig: IngestRig, job: Record) -> Record:
    record = await rig.ingest.handle(job.id)
    assert record
    return record


async def test_every_output_is_stored_as_it_was_and_named_by_its_bytes(rig: IngestRig) -> None:
    pictures = [a_picture(64, 48), a_picture(48, 64)]
    job = await rig.rendered(*(gives(picture) for picture in pictures))

    record = await _stored(rig, job)

    assert record.status == "succeeded"
    assert [asset.id for asset in record.assets] == [asset_id(job.id, n) for n in (0, 1)]
    assert [(asset.width, asset.height) for asset in record.assets] == [(64, 48), (48, 64)]
    for picture, asset in zip(pictures, record.assets, strict=True):
        key = output_key(job.project, job.id, asset.index, asset.sha256, "image/png")
        assert rig.store.objects[key] == picture
        assert (asset.bytes, asset.media_type, asset.url) == (len(picture), "image/png", None)


async def test_a_picture_is_stored_with_its_variants(rig: IngestRig) -> None:
    job = await rig.rendered(gives(a_picture(640, 480)))

    record = await _stored(rig, job)

    [asset] = record.assets
    thumbnail = asset.variants["thumbnail"]
    assert set(asset.variants) == {"thumbnail", "webp"}
    assert (thumbnail.width, thumbnail.height) == (320, 240)
    sizes = {name: len(rig.store.objects[o.key]) for name, o in objects_of(record, asset)}
    assert sizes == {None: asset.bytes} | {n: v.bytes for n, v in asset.variants.items()}
    assert len(rig.store.objects) == 3


async def test_many_texts_of_one_project_are_fetched_at_once(rig: IngestRig) -> None:
    project, fetched, all_here = some_project(), set[int](), asyncio.Event()

    def page(number: int) -> Page:
        async def text() -> bytes:
            fetched.add(number)
            if len(fetched) == _MANY:
                all_here.set()
            await all_here.wait()
            return write_scenes("a keeper", 7, 2)

        return text

    jobs = [await rig.rendered(page(n), kind="scenes", project=project) for n in range(_MANY)]
    ingest = rig.ingest

    records = await asyncio.gather(*(ingest.handle(job.id) for job in jobs))

    assert [record and record.status for record in records] == ["succeeded"] * _MANY


async def test_few_pictures_of_one_project_are_on_the_disk_at_once(rig: IngestRig) -> None:
    project, counts, picture = some_project(), list[int](), a_picture()

    async def page() -> bytes:
        counts.append(len(rig.left_behind()))
        return picture

    jobs = [await rig.rendered(page, project=project) for _ in range(_MANY)]
    ingest = rig.ingest

    await asyncio.gather(*(ingest.handle(job.id) for job in jobs))

    assert 0 < max(counts) <= _PICTURES_AT_ONCE


ITS_TEXT = [
    b'{"scenes": []}',
    b'{"title": "Dusk", "scenes": [{"number": 1}]}',
    b"I cannot write that. Try a fictional keeper instead.",
    b'{"title": "Dusk", "scenes": [{"shot_prompt": "a lam',
    "\ufeff<p>Ein M\u00e4rchen</p>".encode(),
]


@pytest.mark.parametrize("text", ITS_TEXT)
async def test_a_text_that_is_not_a_story_is_kept_and_the_job_fails(
    rig: IngestRig, text: bytes
) -> None:
    job = await rig.rendered(gives(text), kind="scenes", slot="story")

    record = await _stored(rig, job)

    [asset] = record.assets
    [(_, stored)] = objects_of(record, asset)
    assert rig.store.objects[stored.key].decode() == text.decode("utf-8-sig")
    assert (record.status, asset.media_type) == ("failed", "text/plain")
    assert record.error
    assert (record.error.code, record.charged) == ("provider_protocol", "yes")
    assert [action.kind for action in record.error.next_actions] == ["change_request"]
    assert asset.id in record.error.detail


async def test_assets_of_failed_jobs_are_not_written_at_an_older_level(rig: IngestRig) -> None:
    rig.level = 1

    record = await _fails(rig, gives(ITS_TEXT[0]), kind="scenes")

    assert record.assets == []


@pytest.mark.parametrize("around", ["```json\n{}\n```", "\ufeff{}", "Here it is: {}\nMore?"])
async def test_a_story_is_read_in_what_stands_around_it(rig: IngestRig, around: str) -> None:
    story = write_scenes("a keeper, and a storm", seed=7, count=2).decode()
    job = await rig.rendered(gives(around.format(story).encode()), kind="scenes")

    record = await _stored(rig, job)

    [asset] = record.assets
    stored = {name: rig.store.objects[o.key] for name, o in objects_of(record, asset)}
    assert json.loads(stored[None]) == json.loads(story)
    assert asset.media_type == "application/json"
    assert "markdown" in stored


async def test_a_story_is_stored_with_a_page_to_read(rig: IngestRig) -> None:
    story = write_scenes("a keeper, and a storm", seed=7, count=2)
    job = await rig.rendered(gives(story), kind="scenes")

    record = await _stored(rig, job)

    [asset] = record.assets
    stored = {name: rig.store.objects[o.key] for name, o in objects_of(record, asset)}
    assert stored[None] == story
    assert stored["markdown"].decode() == as_markdown(Story.model_validate_json(story))
    page = asset.variants["markdown"]
    assert (page.media_type, page.width, page.bytes) == (
        "text/markdown",
        None,
        len(stored["markdown"]),
    )
    names = {name: stored.filename for name, stored in objects_of(record, asset)}
    assert names["markdown"].endswith(".md")


async def test_a_film_is_stored_with_what_is_known_of_it_and_a_poster(rig: IngestRig) -> None:
    content = film(codec="libx264")
    job = await rig.rendered(gives(content), kind="video")

    [asset] = (await _stored(rig, job)).assets

    assert (asset.media_type, asset.bytes) == ("video/mp4", len(content))
    assert (asset.width, asset.height, asset.codec) == (128, 96, "h264")
    assert asset.duration == pytest.approx(2, abs=0.1)
    poster = asset.variants["poster"]
    assert (poster.media_type, poster.width, poster.still) == ("image/webp", 128, True)


async def test_a_film_that_came_in_part_is_fetched_again(rig: IngestRig) -> None:
    content = film()
    pages = _first(gives(content[: len(content) // 2]), then=gives(content))
    job = await rig.rendered(pages, kind="video")

    record = await _stored(rig, job)

    assert record.status == "succeeded"
    assert record.assets[0].bytes == len(content)


@pytest.mark.parametrize(
    "content",
    [
        film()[:2000],
        b"".join(box for name, box in boxes(film()) if name != b"moov"),
        film() + b"trailing",
        b"\0\0\0\x20ftypisom" + bytes(100),
    ],
    ids=["cut off", "without its index", "more than its boxes", "nothing but a head"],
)
async def test_a_film_in_part_is_never_stored(rig: IngestRig, content: bytes) -> None:
    record = await _fails(rig, gives(content), kind="video")

    assert _why(record)[0] == "output_refused"
    assert len(rig.host.requested) > 1
    assert rig.store.objects == {}


async def test_a_webm_is_stored_where_the_model_names_it(rig: IngestRig) -> None:
    content = film("webm", "libvpx-vp9")
    refused = await _fails(rig, gives(content), kind="video")
    rig.catalog = _naming("video/webm")

    record = await _stored(rig, await rig.rendered(gives(content), kind="video"))

    assert "film_types" in (refused.error.detail if refused.error else "")
    [asset] = record.assets
    assert (asset.media_type, asset.codec) == ("video/webm", "vp9")


def _naming(media_type: Any) -> Catalog:
    """The catalog with a type of films in every model's entry."""
    update = {"film_types": [media_type]}
    models = {name: each.model_copy(update=update) for name, each in CATALOG.models.items()}
    return CATALOG.model_copy(update={"models": models})


async def test_success_keeps_the_charge(rig: IngestRig) -> None:
    job = await rig.rendered(gives(a_picture()))

    record = await _stored(rig, job)

    assert (record.charged, record.cost.actual, record.error) == ("yes", Decimal("0.01"), None)


async def test_progress_of_storing_is_published(rig: IngestRig) -> None:
    job = await rig.rendered(gives(a_picture()))

    await _stored(rig, job)

    assert {subject for subject, _ in rig.hints} == {progress(job.project, job.id)}
    assert [report.phase for _, report in rig.hints] == ["downloading", "storing"]


async def test_outputs_are_fetched_side_by_side(rig: IngestRig) -> None:
    everybody = asyncio.Barrier(4)

    async def waits() -> bytes:
        async with asyncio.timeout(TIMEOUT):
            await everybody.wait()
        return a_picture()

    job = await rig.rendered(*4 * [waits])

    assert len((await _stored(rig, job)).assets) == 4


async def test_an_unknown_job_is_ignored(rig: IngestRig) -> None:
    assert await rig.ingest.handle(new_job_id()) is None


async def test_a_job_that_is_not_rendered_is_unchanged(rig: IngestRig) -> None:
    job = a_record()
    await append_event(rig.events, "accepted", job, 0)

    assert await rig.ingest.handle(job.id) == job
    assert rig.happened(job) == ["accepted"]


async def test_a_message_that_comes_again_changes_nothing(rig: IngestRig) -> None:
    job = await rig.rendered(gives(a_picture()))
    first = await _stored(rig, job)

    again = await _stored(rig, job)

    assert again == first
    assert len(rig.host.requested) == 1


async def test_of_two_simultaneous_stores_of_a_job_one_is_recorded(rig: IngestRig) -> None:
    both = asyncio.Barrier(2)

    async def waits() -> bytes:
        await both.wait()
        return a_picture()

    job = await rig.rendered(waits)

    one, another = await asyncio.gather(_stored(rig, job), _stored(rig, job))

    assert one == another
    assert one.status == "succeeded"
    assert rig.happened(job).count("succeeded") == 1
    assert len(rig.store.objects) == 3


async def test_a_job_canceled_before_is_not_fetched_and_its_outputs_are_kept(
    rig: IngestRig,
) -> None:
    job = await rig.rendered(gives(a_picture()))
    await rig.happens(job, CancelRequested(mode="stop"))

    record = await _stored(rig, job)

    assert record.status == "canceled"
    assert record.internal.outputs == job.internal.outputs
    assert (record.charged, record.cost.actual) == ("yes", Decimal("0.01"))
    assert rig.host.requested == []


@pytest.mark.parametrize("response", [a_picture(), 404], ids=["picture", "gone"])
async def test_a_job_canceled_on_the_way_keeps_its_outputs_and_its_charge(
    rig: IngestRig, response: bytes | int
) -> None:
    page, jobs = rig.canceling(response)
    job = await rig.rendered(page)
    jobs.append(job.id)

    record = await _stored(rig, job)

    assert record.status == "canceled"
    assert (record.assets, record.error) == ([], None)
    assert record.internal.outputs == job.internal.outputs
    assert (record.charged, record.cost.actual) == ("yes", Decimal("0.01"))
    assert rig.happened(job)[-2:] == ["cancel_requested", "canceled"]


async def test_a_job_detached_on_the_way_is_stored_all_the_same(rig: IngestRig) -> None:
    page, jobs = rig.canceling(a_picture(), mode="detach")
    job = await rig.rendered(page, slot="portrait/char-123")
    jobs.append(job.id)
    path = rig.host.pages.popitem()[0]
    rig.host.pages[path] = _first(page, then=gives(a_picture()))

    record = await _stored(rig, job)

    assert (record.status, record.slot, len(record.assets)) == ("succeeded", None, 1)


def _first(page: Page, *, then: Page) -> Page:
    """One page the first time, another ever after."""
    pages = iter([page])

    async def turns() -> bytes | int:
        return await next(pages, then)()

    return turns


async def _fails(rig: IngestRig, *pages: Page, **rendered: Any) -> Record:
    job = await rig.rendered(*pages, **rendered)
    record = await _stored(rig, job)
    assert (record.status, record.assets) == ("failed", [])
    assert record.internal.outputs == job.internal.outputs
    assert (record.charged, record.cost.actual) == ("yes", Decimal("0.01"))
    assert record.error
    assert record.error.charged == "yes"
    return record


def _why(record: Record) -> tuple[str, bool]:
    assert record.error
    return record.error.code, record.error.retryable


async def test_an_output_that_is_gone_ends_the_job(rig: IngestRig) -> None:
    record = await _fails(rig, gives(410))

    assert _why(record) == ("output_expired", False)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_result_that_is_not_there_yet_is_downloaded_again(
    rig: IngestRig, status: int
) -> None:
    """It has no permit meanwhile: its ticket waits."""
    rig.settings = rig.settings.model_copy(update={"missing_result_deadline": 10})
    job = await rig.rendered(_first(gives(status), then=gives(a_picture())))

    record = await _stored(rig, job)
    assert record.step is Step.RENDERED
    assert await rig.work.has_work(job.id)

    again = await rig.ingest.handle(job.id, waited=1.0)
    assert again
    assert again.status == "succeeded"


async def test_a_result_that_never_comes_has_expired_after_a_while(rig: IngestRig) -> None:
    rig.settings = rig.settings.model_copy(update={"missing_result_deadline": 10})
    job = await rig.rendered(gives(404))
    waited = [0.0]

    while (await rig.ingest.handle(job.id, waited[-1])) and await rig.work.has_work(job.id):
        [message] = rig.work.messages
        rig.work.ack(message)
        waited.append(rig.work.waited[job.id])

    entry = rig.events.latest(job.id)
    assert entry
    assert _why(entry.record) == ("output_expired", False)
    assert waited == [0, 1, 2, 4, 8, 10]
    assert entry.record.error
    steps = [action.patch for action in entry.record.error.next_actions]
    assert steps == [{"from": "poll"}, {"from": "submit"}]


@pytest.mark.parametrize("gives_some", [True, False])
async def test_a_result_whose_address_is_dead_is_fetched_from_a_fresh_one(
    rig: IngestRig, gives_some: bool
) -> None:
    rig.settings = rig.settings.model_copy(update={"missing_result_deadline": 10})
    job = await rig.rendered(gives(403))
    rig.renewed = [rig.host.output(gives(a_picture()))] if gives_some else []
    await rig.ingest.handle(job.id)
    assert rig.renewals == []

    record = await rig.ingest.handle(job.id, waited=1.0)

    assert record
    assert record.status == ("succeeded" if gives_some else "running")
    assert rig.renewals == [job.id]


async def test_a_fresh_address_is_that_of_the_same_output_and_no_other_output_comes(
    rig: IngestRig,
) -> None:
    """The provider made three, and flagged one; the job keeps the last two."""
    rig.settings = rig.settings.model_copy(update={"young_result": 10})
    pictures = [a_picture(8 * number, 64) for number in (1, 2, 3)]
    dead = [rig.host.output(gives(403)) for _ in range(2)]
    places: list[dict[str, Any]] = [{"index": 1, "flagged": True}, {"index": 2}]
    outputs = [one.model_copy(update=at) for one, at in zip(dead, places, strict=True)]
    job = await rig.rendered(outputs=outputs)
    rig.renewed = [rig.host.output(gives(picture)) for picture in pictures]

    record = await rig.ingest.handle(job.id, waited=1.0)

    assert record
    assert [(asset.index, asset.width) for asset in record.assets] == [(2, 24)]
    [flagged] = record.withheld
    assert flagged.asset
    assert (flagged.index, flagged.reason, flagged.asset.width) == (1, "content_policy", 16)


async def test_a_picture_that_came_without_its_end_is_fetched_again(
    rig: IngestRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storage.outputs.sources._PAUSES", (0, 0))
    picture = a_picture(640, 480)
    job = await rig.rendered(_first(gives(picture[:-30]), then=gives(picture)))

    record = await _stored(rig, job)

    assert record.assets[0].sha256 == hashlib.sha256(picture).hexdigest()


async def test_a_text_that_came_without_its_end_is_fetched_again(
    rig: IngestRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storage.outputs.sources._PAUSES", (0, 0))
    story = write_scenes("a keeper, and a storm", seed=7, count=2)
    job = await rig.rendered(_first(gives(story[:-40]), then=gives(story)), kind="scenes")

    record = await _stored(rig, job)

    assert record.assets[0].sha256 == hashlib.sha256(story).hexdigest()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<!doctype html>", "image"),
        (b"", "image"),
        (a_picture(1001, 1000), "image"),
        (b'{"error": "sorry"}', "image"),
        (a_picture(), "video"),
        (a_picture(), "scenes"),
    ],
    ids=["html", "empty", "too many pixels", "json", "picture for video", "for text"],
)
async def test_an_output_that_is_not_what_was_promised_is_refused(
    rig: IngestRig, content: bytes, kind: str
) -> None:
    record = await _fails(rig, gives(content), kind=kind)

    assert _why(record) == ("output_refused", False)
    assert rig.store.objects == {}


def _noise() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((120, 90), 90).save(buffer, "PNG")
    return buffer.getvalue()


async def test_a_picture_that_was_cut_off_on_the_way_is_fetched_again(rig: IngestRig) -> None:
    whole = _noise()
    job = await rig.rendered(_first(gives(whole[:5000]), then=gives(whole)))

    [asset] = (await _stored(rig, job)).assets

    assert (asset.bytes, asset.width, asset.undecodable) == (len(whole), 120, False)


@pytest.mark.parametrize(
    "content",
    [_noise()[:5000], a_picture()[:-12], a_picture() + b"trailing bytes"],
    ids=["cut off", "without its end", "more than its end"],
)
async def test_a_damaged_picture_is_decoded_as_far_as_it_goes(
    rig: IngestRig, content: bytes
) -> None:
    record = await _stored(rig, await rig.rendered(gives(content)))

    [asset] = record.assets
    assert asset.bytes == len(content)
    assert asset.width
    assert set(asset.variants) == {"thumbnail", "webp"}


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\r\n\x1a\n<script>", b"\xff\xd8\xff\xe0 no picture", b"GIF89a", _noise()[:40]],
    ids=["png", "jpeg", "gif", "only a head"],
)
async def test_a_picture_that_cannot_be_decoded_is_kept_as_it_came(
    rig: IngestRig, content: bytes
) -> None:
    record = await _stored(rig, await rig.rendered(gives(content), slot="portrait/keeper"))

    [asset] = record.assets
    assert record.status == "succeeded"
    assert (asset.undecodable, asset.width, asset.variants) == (True, None, {})
    assert list(rig.store.objects.values()) == [content]
    assert not record.is_version


async def test_one_good_picture_makes_a_version_of_a_slot(rig: IngestRig) -> None:
    pages = (gives(b"GIF89a"), gives(a_picture()))
    record = await _stored(rig, await rig.rendered(*pages, slot="portrait/keeper"))

    assert [asset.undecodable for asset in record.assets] == [True, False]
    assert record.is_version


async def test_an_output_is_no_larger_than_its_medium_allows(rig: IngestRig) -> None:
    rig.settings = rig.settings.model_copy(update={"image_max_bytes": 100})

    record = await _fails(rig, gives(a_picture()))

    assert _why(record) == ("output_too_large", False)


async def test_an_output_on_a_host_that_is_not_listed_is_refused(rig: IngestRig) -> None:
    record = await _fails(rig, outputs=[Output(url="http://169.254.169.254/latest/")])

    assert _why(record) == ("output_refused", False)


async def test_a_missing_inline_upload_is_reported_as_gone(rig: IngestRig) -> None:
    record = await _fails(rig, outputs=[Output(upload=f"sha256:{'0' * 64}")])

    assert _why(record) == ("output_expired", False)


async def test_an_output_that_cannot_be_fetched_in_time_can_be_fetched_again(
    rig: IngestRig,
) -> None:
    await rig.downloader.aclose()
    rig.downloader = OutputDownloader(FetchHosts(own=[rig.host.name]), deadline=0.2)

    record = await _fails(rig, hangs)

    assert _why(record) == ("storage_failed", True)
    assert record.error
    assert [action.kind for action in record.error.next_actions] == ["retry"]


async def test_one_bad_output_ends_the_job_without_waiting_for_the_others(rig: IngestRig) -> None:
    async with asyncio.timeout(TIMEOUT):
        record = await _fails(rig, hangs, gives(404), gives(a_picture()))

    assert _why(record) == ("output_expired", False)
    assert rig.left_behind() == []


REFUSED: dict[str, tuple[Page, str, str]] = {
    "no picture": (gives(b"<svg/>"), "output_refused", "SVG"),
    "too large": (gives(b"\x89PNG\r\n\x1a\n" + bytes(2**20)), "output_too_large", "larger than"),
    "of a host that refuses it": (gives(400), "storage_failed", "answered 400"),
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("refused", REFUSED)
async def test_one_refused_output_among_good_ones_is_reported_and_the_others_are_stored(
    rig: IngestRig, refused: str, place: int
) -> None:
    page, code, words = REFUSED[refused]
    pages = [gives(a_picture()), gives(a_picture(48, 64))]
    pages.insert(place, page)
    rig.settings = rig.settings.model_copy(update={"image_max_bytes": 2**19})

    record = await _stored(rig, await rig.rendered(*pages))

    assert (record.status, record.error, record.charged) == ("succeeded", None, "yes")
    assert [asset.index for asset in record.assets] == [n for n in range(3) if n != place]
    assert [(each.index, each.reason) for each in record.withheld] == [(place, code)]
    assert record.detail
    assert record.detail.startswith(f"1 of 3 outputs withheld: {code}: ")
    assert words in record.detail


async def test_a_refused_host_among_good_ones_is_named(rig: IngestRig) -> None:
    elsewhere = Output(url="https://elsewhere.example/1.png")
    job = await rig.rendered(outputs=[rig.host.output(gives(a_picture())), elsewhere])

    record = await _stored(rig, job)

    assert record.status == "succeeded"
    assert "elsewhere.example" in (record.detail or "")
    assert "HELIOGRAPH_PROVIDER_HOSTS" in (record.detail or "")


async def test_where_all_are_refused_the_job_fails_with_the_first_reason(rig: IngestRig) -> None:
    record = await _fails(rig, gives(b"<svg/>"), gives(b"<html></html>"))

    assert _why(record) == ("output_refused", False)
    assert record.withheld == []
    assert record.error
    assert record.error.next_actions[0].patch == {"from": "download"}


async def test_a_missing_output_does_not_fail_good_ones(rig: IngestRig) -> None:
    rig.settings = rig.settings.model_copy(update={"missing_result_deadline": 10})
    job = await rig.rendered(gives(404), gives(a_picture()))

    waiting = await rig.ingest.handle(job.id)
    record = await rig.ingest.handle(job.id, waited=10.0)

    assert waiting
    assert waiting.status == "running"
    assert record
    assert [(each.index, each.reason) for each in record.withheld] == [(0, "output_expired")]
    assert (record.status, len(record.assets)) == ("succeeded", 1)


class BrokenStore(MemoryStore):
    """A store that takes nothing for now."""

    def __init__(self, error: StoreUnavailable) -> None:
        super().__init__()
        self.error = error

    async def put(self, key: str, content: Content, media_type: str, **_: Any) -> None:
        raise self.error


DOWN = StoreUnavailable("the store answered 503")


@pytest.mark.parametrize("error", [DOWN, Corrupted("the key holds other bytes")], ids=repr)
async def test_a_store_that_is_down_is_waited_for(rig: IngestRig, error: StoreUnavailable) -> None:
    job = await rig.rendered(gives(a_picture()), gives(a_picture(30, 40)))
    rig.store = BrokenStore(error)
    with pytest.raises(Unavailable, match=str(error)):
        await rig.ingest.handle(job.id)
    assert rig.happened(job)[-1] == "rendered"

    rig.store = MemoryStore()

    assert len((await _stored(rig, job)).assets) == 2


class LostUploads(NoUploads):
    """Nobody can say what was brought."""

    async def find(self, project: str, sha256: str) -> dict[str, Any] | None:
        raise Unavailable("the bus does not answer")


async def test_a_bus_that_does_not_know_an_upload_for_now_is_waited_for(rig: IngestRig) -> None:
    rig.uploads = LostUploads()
    job = await rig.rendered(outputs=[Output(upload=f"sha256:{'0' * 64}")])

    with pytest.raises(Unavailable, match="the bus does not answer"):
        await rig.ingest.handle(job.id)

    assert rig.happened(job)[-1] == "rendered"


def _inline(rig: IngestRig, project: str, job: str, content: bytes) -> Output:
    """What came inside a response to a job, and is at storage."""
    sha256 = hashlib.sha256(content).hexdigest()
    rig.store.objects[inline_key(project, job, sha256)] = content
    return Output(inline=f"{job}/{sha256}")


async def test_what_came_inside_an_answer_is_moved_to_the_assets(rig: IngestRig) -> None:
    project, job, picture = some_project(), new_job_id(), a_picture()
    output = _inline(rig, project, job, picture)
    await rig.rendered(outputs=[output], project=project, job=job)

    record = await rig.ingest.handle(job)

    assert record
    kept = {o.key for asset in record.assets for _, o in objects_of(record, asset)}
    assert set(rig.store.objects) == kept


async def test_what_a_crash_left_beside_the_assets_is_removed_by_the_next_delivery(
    rig: IngestRig,
) -> None:
    project, job, picture = some_project(), new_job_id(), a_picture()
    output = _inline(rig, project, job, picture)
    await rig.rendered(outputs=[output], project=project, job=job)
    await rig.ingest.handle(job)
    _inline(rig, project, job, picture)

    await rig.ingest.handle(job)

    assert await rig.store.keys(inline_folder(project, job)) == []


async def test_what_came_inside_an_answer_and_cannot_be_stored_stays_for_a_retry(
    rig: IngestRig,
) -> None:
    project, old, new = some_project(), new_job_id(), new_job_id()
    output = _inline(rig, project, old, a_picture())
    await _fails(rig, gives(404), project=project, job=old)

    await rig.rendered(outputs=[output], project=project, job=new)
    record = await rig.ingest.handle(new)

    assert record
    assert record.status == "succeeded"
    assert await rig.store.keys(inline_folder(project, old))


@pytest.mark.parametrize("is_ours", [True, False])
async def test_what_came_inside_an_answer_and_is_gone_has_expired(
    rig: IngestRig, is_ours: bool
) -> None:
    """Its own answer may be on its way from render; that of an earlier job is not."""
    job, patience = new_job_id(), timedelta(seconds=rig.settings.storage_retry_deadline + 1)
    outputs = [Output(inline=f"{job if is_ours else new_job_id()}/{'0' * 64}")]

    record = await _fails(rig, outputs=outputs, job=job, ago=patience if is_ours else timedelta())

    assert record.error
    assert record.error.code == "output_expired"


async def test_storage_waits_for_inline_outputs_while_render_uploads_them(
    rig: IngestRig,
) -> None:
    project, job, picture = some_project(), new_job_id(), a_picture()
    output = Output(inline=f"{job}/{hashlib.sha256(picture).hexdigest()}")
    await rig.rendered(outputs=[output], project=project, job=job)
    with pytest.raises(Unavailable):
        await rig.ingest.handle(job)

    _inline(rig, project, job, picture)
    record = await rig.ingest.handle(job)

    assert record
    assert record.status == "succeeded"


async def test_a_picture_that_is_not_opened_in_time_is_not_lost(
    rig: IngestRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await rig.rendered(gives(a_picture()))
    monkeypatch.setattr("services.storage.media.images._TIMEOUT", 0)
    with pytest.raises(Unavailable, match="in time"):
        await rig.ingest.handle(job.id)
    assert rig.happened(job)[-1] == "rendered"

    monkeypatch.undo()

    assert (await _stored(rig, job)).status == "succeeded"


async def test_a_store_is_not_waited_for_for_ever(rig: IngestRig) -> None:
    rig.store = BrokenStore(DOWN)
    patience = timedelta(seconds=rig.settings.storage_retry_deadline)

    record = await _fails(rig, gives(a_picture()), ago=patience + timedelta(seconds=1))

    assert _why(record) == ("storage_failed", True)
    assert record.error
    assert [action.kind for action in record.error.next_actions] == ["retry"]


async def test_a_job_that_waited_long_for_its_turn_is_stored_all_the_same(rig: IngestRig) -> None:
    job = await rig.rendered(gives(a_picture()), ago=timedelta(days=1))

    assert (await _stored(rig, job)).status == "succeeded"


async def test_a_gone_output_and_a_broken_store_at_once_are_one_error(rig: IngestRig) -> None:
    gone = asyncio.Event()

    class Telling(OutputDownloader):
        async def download(self, url: str, *args: Any, **options: Any) -> Body:
            try:
                return await super().download(url, *args, **options)
            except OutputExpired:
                gone.set()
                raise

    class BreaksThen(MemoryStore):
        async def put(self, key: str, content: Content, media_type: str, **_: Any) -> None:
            await gone.wait()
            raise DOWN

    async def responds_late() -> int:
        while not rig.hints or rig.hints[-1][1].phase != "storing":
            await asyncio.sleep(0.01)
        return 404

    await rig.downloader.aclose()
    rig.downloader = Telling(FetchHosts(own=[rig.host.name]), deadline=5)
    rig.store = BreaksThen()

    record = await _fails(rig, gives(a_picture()), responds_late)

    assert _why(record) == ("output_expired", False)


async def test_a_disk_that_takes_nothing_is_waited_for(rig: IngestRig) -> None:
    job = await rig.rendered(gives(a_picture()))
    ingest = rig.ingest
    shutil.rmtree(rig.folder)

    with pytest.raises(Unavailable):
        await ingest.handle(job.id)


@pytest.mark.parametrize("page", [gives(a_picture()), gives(404), gives(b"<html>")])
async def test_nothing_is_left_behind(rig: IngestRig, page: Page) -> None:
    job = await rig.rendered(page)

    await _stored(rig, job)

    assert rig.left_behind() == []


async def test_a_process_that_goes_away_leaves_the_job_to_the_next(rig: IngestRig) -> None:
    reached = asyncio.Event()

    async def never_responds() -> bytes:
        reached.set()
        return await hangs()

    page = _first(never_responds, then=gives(a_picture()))
    job = await rig.rendered(page)
    storing = asyncio.create_task(rig.ingest.handle(job.id))
    await reached.wait()

    storing.cancel()
    await asyncio.wait([storing])

    assert storing.cancelled()
    assert rig.happened(job)[-1] == "rendered"
    assert rig.left_behind() == []
    assert (await _stored(rig, job)).status == "succeeded"


async def test_a_job_that_broke_storage_for_the_last_time_is_buried_with_its_outputs(
    rig: IngestRig,
) -> None:
    job = await rig.rendered(gives(a_picture()))

    await rig.ingest.fail_poison_job(job.id, ZeroDivisionError("a secret"))

    entry = rig.events.latest(job.id)
    assert entry
    assert _why(entry.record) == ("poison", False)
    assert "ZeroDivisionError" in str(entry.record.error)
    assert "a secret" not in str(entry.record.error)
    assert entry.record.internal.outputs == job.internal.outputs
    assert (entry.record.charged, rig.work.dead_lettered) == ("yes", [job.id])


async def test_a_job_that_ended_meanwhile_is_not_buried(rig: IngestRig) -> None:
    job = await rig.rendered(gives(a_picture()))
    record = await _stored(rig, job)

    await rig.ingest.fail_poison_job(job.id, ZeroDivisionError())

    assert record.step is Step.SUCCEEDED
    assert rig.happened(job)[-1] == "succeeded"
    assert rig.work.dead_lettered == []

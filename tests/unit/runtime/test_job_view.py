"""Clients see the record without its inside, and with what only the edge knows."""

from datetime import UTC, datetime
from typing import Any, cast, get_args

import pytest

from heliograph.contracts.assets import Asset, Variant
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.job_steps import Status
from heliograph.contracts.jobs import Job
from heliograph.contracts.object_keys import objects_of
from heliograph.contracts.progress import LogLine, Progress, ProgressReport
from heliograph.contracts.queries import Query, Reply
from heliograph.contracts.queries.storage import SignedObjects, SignObjects, StoredObject
from heliograph.contracts.records import Record
from heliograph.runtime.bus import REQUEST_TIMEOUT
from heliograph.runtime.job_view import JobPresenter, as_json, live_address, with_progress
from heliograph.runtime.presigned_urls import KEPT, PresignedUrlCache
from heliograph.runtime.settings import ServiceSettings
from tests.support.records import a_record
from tests.support.replies import no_reply


@pytest.fixture
def presenter() -> JobPresenter:
    """A presenter whose storage does not answer: its connection is not open."""
    settings = ServiceSettings(public_url="https://h.example/", status_port=9081)
    return JobPresenter(settings, PresignedUrlCache(no_reply, timeout=0.3))


def with_asset(record: Record) -> Record:
    variant = Variant(media_type="image/webp", width=2, height=2, bytes=5, sha256="1" * 64)
    asset = Asset(
        id=asset_id(record.id, 0),
        index=0,
        media_type="image/png",
        bytes=9,
        sha256="0" * 64,
        variants={"thumbnail": variant},
    )
    finished = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    return record.model_copy(update={"assets": [asset], "finished_at": finished})


# -- the job


async def test_the_inside_of_a_record_is_not_shown(presenter: JobPresenter) -> None:
    shown = await presenter.job(a_record(), 7)

    assert "internal" not in shown
    assert set(shown) == set(Job.model_fields)


async def test_what_is_shown_is_a_job_to_the_client(presenter: JobPresenter) -> None:
    record = a_record(slot="portrait/char-123", parameters={"price": "0.003"})

    job = Job.model_validate_json(as_json(await presenter.job(record, 7)))

    assert (job.id, job.slot, job.cost) == (record.id, record.slot, record.cost)


async def test_a_job_carries_the_sequence_of_its_last_event(presenter: JobPresenter) -> None:
    assert (await presenter.job(a_record(), 1042))["sequence"] == 1042


async def test_links_are_absolute_and_lead_to_the_public_address(presenter: JobPresenter) -> None:
    record = a_record()

    assert (await presenter.job(record, 1))["links"] == {
        "self": f"https://h.example/v1/jobs/{record.id}",
        "events": f"https://h.example/v1/jobs/{record.id}/events",
        "live": "ws://127.0.0.1:9081/v1/live",
        "cancel": f"https://h.example/v1/jobs/{record.id}/cancel",
        "retry": f"https://h.example/v1/jobs/{record.id}/retry",
    }


async def test_jobs_keep_their_order(presenter: JobPresenter) -> None:
    records = [a_record() for _ in range(3)]

    shown = await presenter.jobs([(record, n) for n, record in enumerate(records)])

    assert [job["id"] for job in shown] == [record.id for record in records]


def test_a_job_without_assets_can_be_shown_at_once(presenter: JobPresenter) -> None:
    shown = presenter.cached(a_record(), 7)

    assert shown is not None
    assert shown["sequence"] == 7


def test_a_job_whose_addresses_are_not_known_cannot_be_shown_at_once(
    presenter: JobPresenter,
) -> None:
    assert presenter.cached(with_asset(a_record()), 7) is None


async def test_an_address_is_null_when_storage_does_not_answer(presenter: JobPresenter) -> None:
    [asset] = (await presenter.job(with_asset(a_record()), 7))["assets"]

    assert asset["url"] is None
    assert asset["variants"]["thumbnail"]["url"] is None


async def test_urls_are_missing_when_storage_does_not_answer() -> None:
    addresses = PresignedUrlCache(no_reply, timeout=0.3)
    record = with_asset(a_record())
    objects = [each for _, each in objects_of(record, record.assets[0])]

    assert await addresses.of(objects) == {}
    assert addresses.cached(objects) is None
    assert addresses.cached([]) == {}


class _Storage:
    """A storage that signs for `expires_in` seconds."""

    expires_in = 60.0

    async def __call__(self, query: Query[Reply], *, timeout: float = REQUEST_TIMEOUT) -> Reply:
        assert isinstance(query, SignObjects)
        urls = [each.key for each in query.objects]
        return cast(Reply, SignedObjects(urls=urls, expires_in=self.expires_in))


async def test_an_address_that_was_just_renewed_is_not_the_first_to_be_forgotten() -> None:
    storage = _Storage()
    addresses = PresignedUrlCache(storage, timeout=0.3)
    first, *others, last = (
        StoredObject(key=f"{n}", media_type="image/png", filename="x") for n in range(KEPT + 1)
    )
    storage.expires_in = 0
    await addresses.of([first])
    storage.expires_in = 60
    await addresses.of(others)

    assert await addresses.of([first, last]) == {first: first.key, last: last.key}


def test_a_file_is_called_by_kind_time_and_index() -> None:
    record = with_asset(a_record())
    names = {name: each.filename for name, each in objects_of(record, record.assets[0])}

    assert names == {
        None: "image_20260131_235959_0.png",
        "thumbnail": "image_20260131_235959_0.webp",
    }


@pytest.mark.parametrize(
    ("public", "live"),
    [
        (None, "ws://127.0.0.1:8081/v1/live"),
        ("https://live.example", "wss://live.example/v1/live"),
        ("http://http.example/", "ws://http.example/v1/live"),
    ],
)
def test_live_connections_are_made_where_status_is(public: str | None, live: str) -> None:
    assert live_address(ServiceSettings(status_public_url=public)) == live


def test_json_is_compact_and_says_every_character_as_it_is() -> None:
    assert as_json({"a": [1, "é🗼"]}) == '{"a":[1,"é🗼"]}'.encode()


# -- progress


def a_report(phase: str, *lines: str, percent: int | None = 40) -> ProgressReport:
    logs = [LogLine(at=datetime.now(UTC), message=line) for line in lines]
    progress = Progress(percent=percent, basis="provider", logs=logs)
    return ProgressReport(job="job_x", phase=phase, progress=progress)


def a_job(**fields: Any) -> dict[str, Any]:
    shown = a_record().model_dump(mode="json", exclude={"internal"})
    return {**shown, "status": "running", "phase": "provider_queue", **fields}


def test_a_job_without_progress_is_unchanged() -> None:
    job = a_job()

    assert with_progress(job, None) is job


@pytest.mark.parametrize("status", get_args(Status))
def test_only_a_running_job_has_progress(status: str) -> None:
    job = with_progress(a_job(status=status), a_report("rendering"))

    assert (job["progress"] is not None) == (status == "running")


def test_the_last_report_is_shown_and_the_job_itself_stays_as_it_was() -> None:
    job = a_job()

    shown = with_progress(job, a_report("rendering"))

    assert shown["progress"]["percent"] == 40
    assert job["progress"] is None


@pytest.mark.parametrize(
    ("phase", "reported", "shown"),
    [
        ("provider_queue", "provider_queue", "provider_queue"),
        ("provider_queue", "rendering", "rendering"),
        ("downloading", "downloading", "downloading"),
        ("downloading", "storing", "storing"),
        ("downloading", "rendering", "downloading"),
        ("downloading", "provider_queue", "downloading"),
        ("submitting", "rendering", "submitting"),
        ("canceling", "rendering", "canceling"),
        ("submit_unknown", "rendering", "submit_unknown"),
    ],
)
def test_a_report_moves_the_phase_where_the_contract_says_so(
    phase: str, reported: str, shown: str
) -> None:
    assert with_progress(a_job(phase=phase), a_report(reported))["phase"] == shown


def test_the_last_line_of_the_provider_is_the_detail() -> None:
    job = with_progress(a_job(), a_report("rendering", "step 3 of 10", "step 4 of 10"))

    assert job["detail"] == "step 4 of 10"


def test_a_detail_of_the_job_itself_comes_first() -> None:
    job = with_progress(a_job(detail="the first 4 are used"), a_report("rendering", "step 4"))

    assert job["detail"] == "the first 4 are used"


def test_a_report_without_lines_leaves_the_detail() -> None:
    assert with_progress(a_job(), a_report("rendering"))["detail"] is None

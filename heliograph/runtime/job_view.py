"""
The job that clients see: a record without `internal`, with the fields filled in that only the API knows.
"""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import Blocked
from heliograph.contracts.job_steps import Phase
from heliograph.contracts.jobs import Job
from heliograph.contracts.object_keys import objects_of
from heliograph.contracts.problems import NextAction
from heliograph.contracts.progress import Progress, ProgressReport
from heliograph.contracts.queries.scheduler import Position
from heliograph.contracts.queries.storage import StoredObject
from heliograph.contracts.records import Record
from heliograph.contracts.retries import ENDED, next_actions
from heliograph.runtime.bus import RequestReply
from heliograph.runtime.presigned_urls import PresignedUrlCache
from heliograph.runtime.settings import ServiceSettings

_REPORTED: dict[
    Phase, tuple[Phase, ...]
] = {  #: what a report may make of a phase; one that comes late moves nothing back
    "provider_queue": ("rendering", "downloading", "storing"),
    "downloading": ("storing",),
}


def live_address(settings: ServiceSettings) -> str:
    """URL of the live WebSocket."""
    return settings.status_url.replace("http", "ws", 1) + "/v1/live"


def create_presenter(settings: ServiceSettings, request: RequestReply) -> "JobPresenter":
    """The presenter of a service, with a cache of URLs of its own."""
    return JobPresenter(settings, PresignedUrlCache(request, timeout=settings.presign_timeout))


class JobPresenter:
    """Turns records into the jobs that one service shows to clients."""

    def __init__(self, settings: ServiceSettings, url_cache: PresignedUrlCache) -> None:
        self._gateway = settings.gateway_url
        self._live = live_address(settings)
        self._url_cache = url_cache

    @property
    def url_ttl(self) -> float:
        """Seconds that presigned URLs work; those of a new view, half of it or more."""
        return self._url_cache.ttl

    async def job(self, record: Job, sequence: int) -> dict[str, Any]:
        """The job as JSON, with presigned URLs of its assets."""
        [job] = await self.jobs([(record, sequence)])
        return job

    async def jobs(self, records: Sequence[tuple[Job, int]]) -> list[dict[str, Any]]:
        """Several jobs, with one request to storage for all their assets."""
        objects = [o for record, _ in records for _, o in self._objects(record)]
        urls = await self._url_cache.of(objects) if objects else {}
        return [self._present(record, sequence, urls) for record, sequence in records]

    def has_urls(self, record: Job) -> bool:
        """Whether the URLs of all its assets are cached."""
        return self._url_cache.cached([o for _, o in self._objects(record)]) is not None

    def cached(self, record: Job, sequence: int) -> dict[str, Any] | None:
        """The job, if everything in it is cached; None otherwise."""
        urls = self._url_cache.cached([o for _, o in self._objects(record)])
        return None if urls is None else self._present(record, sequence, urls)

    def _objects(self, record: Job) -> list[tuple[str | None, StoredObject]]:
        return [pair for asset in record.assets for pair in objects_of(record, asset)]

    def _present(self, record: Job, sequence: int, urls: dict[StoredObject, str]) -> dict[str, Any]:
        job: dict[str, Any] = record.model_dump(mode="json", exclude={"internal", "assets"})
        if isinstance(record, Record) and record.error and record.step in ENDED:
            actions = next_actions(record)
            job["error"]["next_actions"] = [each.model_dump(mode="json") for each in actions]
        job["assets"] = [self._asset(record, asset, urls) for asset in record.assets]
        job["sequence"] = sequence
        job["links"] = self._links(record)
        return job

    def _asset(self, job: Job, asset: Asset, urls: dict[StoredObject, str]) -> dict[str, Any]:
        shown: dict[str, Any] = asset.model_dump(mode="json")
        for name, each in objects_of(job, asset):
            place = shown if name is None else shown["variants"][name]
            place["url"] = urls.get(each)
        return shown

    def _links(self, job: Job) -> dict[str, str]:
        here = f"{self._gateway}/v1/jobs/{job.id}"
        return {
            "self": here,
            "events": f"{here}/events",
            "live": self._live,
            "cancel": f"{here}/cancel",
            "retry": f"{here}/retry",
        }


def with_progress(job: dict[str, Any], report: ProgressReport | None) -> dict[str, Any]:
    """The job with the last report of its provider, or of storage."""
    if report is None or job["status"] != "running":
        return job
    merged = {**job, "progress": report.progress.model_dump(mode="json")}
    if report.phase in _REPORTED.get(job["phase"], ()):
        merged["phase"] = report.phase
    logs = report.progress.logs
    if logs and not job["detail"]:
        merged["detail"] = logs[-1].message
    return merged


def with_queue_position(job: dict[str, Any], turn: Position | None) -> dict[str, Any]:
    """A queued job with what the dispatcher knows: its position, or the reason why it waits."""
    if turn is None or job["status"] != "queued":
        return job
    merged = {**job, "position": turn.position}
    if turn.eta_seconds is not None:
        merged["progress"] = Progress(eta_seconds=turn.eta_seconds).model_dump(mode="json")
    if turn.blocked:
        wait = NextAction(kind="wait", label="Wait; it starts when this is over")
        cancel = NextAction(kind="cancel", label="Give it up; nothing was submitted")
        blocked = Blocked(turn.blocked, charged=job["charged"], next_actions=[wait, cancel])
        problem = blocked.problem()
        error = problem.model_dump(mode="json") | {"status": None}
        merged |= {"phase": "blocked", "detail": turn.blocked, "error": error}
    return merged


def as_json(value: Any) -> bytes:
    """Compact JSON bytes."""
    return to_json(value)

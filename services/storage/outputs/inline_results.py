"""
Inline results: outputs that came inside a provider's answer, and have no address of their own.

Render puts them here before it writes `rendered`. They belong to their job: they are no uploads and
cannot be references. Storing the job moves them to its assets, pruning it removes them.
"""

import tempfile
from pathlib import Path
from typing import get_args

from fastapi import APIRouter, Request, Response

from heliograph.contracts.errors import (
    BodyTooLarge,
    NotFound,
    Unavailable,
    Unreadable,
    ValidationFailed,
)
from heliograph.contracts.ids import JobId, ProjectName, Sha256
from heliograph.contracts.job_steps import Step
from heliograph.contracts.models import Media
from heliograph.contracts.object_keys import inline_folder, inline_key
from heliograph.contracts.stored_files import InlineResult
from heliograph.runtime.bus import EventLog
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.openapi import bytes_of
from heliograph.runtime.http.problem_responses import OF_A_BODY, problems
from heliograph.runtime.http.strict_route import create_router
from services.storage.body_spool import Spool
from services.storage.content import Content
from services.storage.settings import StorageSettings
from services.storage.stores import ObjectStore

MAX_RESULTS = 64  #: of one job

_MEDIA_TYPE = "application/octet-stream"  #: what they are is found out when they are stored


class InlineResults:
    """Inline results, under `inline/<job>/`, named by digest."""

    def __init__(self, events: EventLog, store: ObjectStore) -> None:
        self._events = events
        self._store = store

    async def check(self, project: str, job: str, sha256: str) -> None:
        """
        Raises:
            ValidationFailed: The job does not exist in the project, or was pruned.
            BodyTooLarge: The job has too many inline outputs.
        """
        entry = await self._events.job(job)
        if entry is None or entry.record.project != project or entry.record.pruned_at:
            raise ValidationFailed(f"the project has no job {job} that is kept")
        others = set(await self._store.keys(inline_folder(project, job)))
        if len(others - {inline_key(project, job, sha256)}) >= MAX_RESULTS:
            raise BodyTooLarge(f"at most {MAX_RESULTS} results of one job")

    async def keep(self, project: str, job: str, content: Content) -> None:
        """
        Raises Unavailable: upload it again later.

        One that comes again after its job succeeded is stored as an asset already, and not kept: a
        restarted render sends an answer that it does not know to be stored.
        """
        key = inline_key(project, job, content.sha256)
        await self._store.put(key, content, _MEDIA_TYPE)
        entry = await self._events.job(job)  # after the put: success removes what is there by then
        if entry and entry.record.step is Step.SUCCEEDED:
            await self._store.delete(key)

    async def get(self, project: str, name: str, target: Path, *, limit: int) -> bool:
        """
        Copy a result into a file by its name in an `Output`. False: it is not there.

        Raises:
            OutputTooLarge, StoreUnavailable: The same errors as `ObjectStore.get`.
        """
        job, _, sha256 = name.partition("/")
        return await self._store.get(inline_key(project, job, sha256), target, limit=limit)

    async def remove(self, project: str, job: str) -> None:
        """All that came inside answers to a job's requests. Raises StoreUnavailable."""
        for key in await self._store.keys(inline_folder(project, job)):
            await self._store.delete(key)


def inline_routes(results: InlineResults, folder: Path, settings: StorageSettings) -> APIRouter:
    """Upload of inline results by render. A body is in `folder` until it is in the store."""
    router = create_router("inline results")
    limit = max(settings.max_bytes(media) for media in get_args(Media))

    @router.put(
        "/projects/{project}/inline/{job}/sha256/{sha256}",
        status_code=201,
        response_model=InlineResult,
        response_description="The output is stored for its job",
        responses=problems(*OF_A_BODY, NotFound, Unavailable, Unreadable),
        openapi_extra=bytes_of(limit),
        summary="Upload an inline output of a response",
    )
    @needs("internal")
    async def put_inline_result(
        project: ProjectName, job: JobId, sha256: Sha256, request: Request
    ) -> Response:
        await results.check(project, job, sha256)
        with tempfile.TemporaryDirectory(dir=folder) as directory:
            content = await Spool(Path(directory) / "result", limit=limit).receive(request)
            if content.sha256 != sha256:
                raise ValidationFailed.at("", f"the digest of the body is {content.sha256}")
            await results.keep(project, job, content)
        body = {"inline": f"{job}/{sha256}", "bytes": content.size}
        return json_response(body, 201)

    return router

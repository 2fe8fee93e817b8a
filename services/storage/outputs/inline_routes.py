"""HTTP route of inline results: render uploads them here."""

import tempfile
from pathlib import Path
from typing import get_args

from fastapi import APIRouter, Request, Response

from heliograph.contracts.errors import NotFound, Unavailable, Unreadable, ValidationFailed
from heliograph.contracts.ids import JobId, ProjectName, Sha256
from heliograph.contracts.models import Media
from heliograph.contracts.stored_files import InlineResult
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.openapi import bytes_of
from heliograph.runtime.http.problem_responses import OF_A_BODY, problems
from heliograph.runtime.http.strict_route import create_router
from services.storage.body_spool import Spool
from services.storage.outputs.inline_results import InlineResults
from services.storage.settings import StorageSettings


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

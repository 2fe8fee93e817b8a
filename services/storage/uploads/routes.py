"""Upload routes."""

from fastapi import APIRouter, Request, Response

from heliograph.contracts.errors import NotFound, OutputRefused, QueueFull, Unavailable
from heliograph.contracts.ids import ProjectName, Sha256
from heliograph.contracts.stored_files import Upload
from heliograph.runtime.http.access import needs
from heliograph.runtime.http.json_response import json_response
from heliograph.runtime.http.openapi import bytes_of
from heliograph.runtime.http.problem_responses import OF_A_BODY, problems
from heliograph.runtime.http.strict_route import create_router
from services.storage.uploads.receiver import UploadReceiver

_ERRORS = (*OF_A_BODY, NotFound, OutputRefused, QueueFull, Unavailable)
_OURS = frozenset({"key", "used"})  #: fields of an entry that clients do not see


def upload_routes(receiver: UploadReceiver) -> APIRouter:
    """Upload routes for clients."""
    router = create_router("uploads")

    @router.put(
        "/projects/{project}/uploads/sha256/{sha256}",
        response_model=Upload,
        response_description="The file was already stored",
        responses={
            201: {"model": Upload, "description": "The file is stored"},
            **problems(*_ERRORS),
        },
        openapi_extra=bytes_of(receiver.limit),
        summary="Upload a file",
    )
    @needs("jobs:write")
    async def put_upload(project: ProjectName, sha256: Sha256, request: Request) -> Response:
        is_new, known = await receiver.receive(project, sha256, request)
        shown = {name: value for name, value in known.items() if name not in _OURS}
        body = {"upload": f"sha256:{sha256}", "project": project, **shown}
        return json_response(body, 201 if is_new else 200)

    return router

"""Whether the references of a request exist, and belong to its project."""

from heliograph.contracts import subjects
from heliograph.contracts.errors import Unavailable, ValidationFailed
from heliograph.contracts.names import job_of_asset
from heliograph.contracts.queries import FindUpload, FoundUpload
from heliograph.contracts.records import Record
from heliograph.contracts.requests import JobRequest, Reference
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.jetstream import JetStream

_PATIENCE = 2.0  #: seconds storage has to say whether it has an upload


class References:
    """Looks references up before a job is accepted, so that a wrong one costs nothing."""

    def __init__(self, events: EventLog, jetstream: JetStream) -> None:
        self._events = events
        self._jetstream = jetstream

    async def check(self, project: str, request: JobRequest) -> None:
        """
        Raises:
            ValidationFailed: One of them does not exist in the project.
            Unavailable: Storage does not answer; try again.
        """
        for index, reference in enumerate(request.references):
            if not await self._exists(project, reference):
                raise ValidationFailed.at(f"/references/{index}", "there is nothing by that name")

    async def _exists(self, project: str, reference: Reference) -> bool:
        if reference.asset:
            job, index = job_of_asset(reference.asset)
            entry = await self._events.last(job)
            if entry is None or not isinstance(entry.body, Record):
                return False
            indexes = [asset.index for asset in entry.body.assets]
            return entry.body.project == project and index in indexes
        if reference.upload:
            return await self._is_uploaded(project, reference.upload.removeprefix("sha256:"))
        return True

    async def _is_uploaded(self, project: str, sha256: str) -> bool:
        question = FindUpload(project=project, sha256=sha256).model_dump_json().encode()
        try:
            answer = await self._jetstream.ask(subjects.QUERY_UPLOADS, question, timeout=_PATIENCE)
        except Unavailable as error:
            raise Unavailable("storage does not say whether it has the upload") from error
        return FoundUpload.model_validate_json(answer).object is not None

"""Validates that the references of a request exist and belong to its project."""

import hashlib
from collections.abc import Mapping, Sequence

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import Unavailable, ValidationFailed
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.job_steps import Step
from heliograph.contracts.kept_references import KeptReference
from heliograph.contracts.queries.storage import FindUpload
from heliograph.runtime.bus import EventLog, RequestReply
from heliograph.runtime.bus.queries import RemoteProblem

_TIMEOUT = 2.0  #: seconds for the reply of storage


class ReferenceValidator:
    """Looks references up before a job is accepted, so that a wrong one costs nothing."""

    def __init__(self, events: EventLog, request: RequestReply) -> None:
        self._events = events
        self._request = request

    async def validate(
        self, project: str, references: Sequence[KeptReference], after: Mapping[str, Step]
    ) -> list[str | None]:
        """
        The digest of each reference, as `SentReference` has it; null for one that a dependency has yet to
        make. `after` has the states of the dependencies.

        Raises:
            ValidationFailed: A reference does not exist in the project.
            Unavailable: Storage does not respond; try again.
        """
        return [
            await self._digest(project, reference, index, after)
            for index, reference in enumerate(references)
        ]

    async def _digest(
        self, project: str, reference: KeptReference, index: int, after: Mapping[str, Step]
    ) -> str | None:
        if reference.url:
            return f"sha256:{hashlib.sha256(reference.url.encode()).hexdigest()}"
        if reference.upload:
            if await self._is_uploaded(project, reference.upload.removeprefix("sha256:")):
                return reference.upload
        elif reference.asset:
            job, number = job_of_asset(reference.asset)
            if after.get(job, Step.SUCCEEDED) is not Step.SUCCEEDED:
                return None
            if asset := await self._asset(project, job, number):
                if asset.undecodable:
                    raise ValidationFailed.at(
                        f"/references/{index}",
                        "the picture cannot be decoded, so it cannot be a reference",
                    )
                return f"sha256:{asset.sha256}"
        raise ValidationFailed.at(
            f"/references/{index}", "there is no such asset or upload in this project"
        )

    async def _asset(self, project: str, job: str, number: int) -> Asset | None:
        entry = await self._events.job(job)
        if entry is None or entry.record.project != project:
            return None
        return next((asset for asset in entry.record.assets if asset.index == number), None)

    async def _is_uploaded(self, project: str, sha256: str) -> bool:
        query = FindUpload(project=project, sha256=sha256)
        try:
            return (await self._request(query, timeout=_TIMEOUT)).object is not None
        except (Unavailable, RemoteProblem) as error:
            raise Unavailable("storage does not answer whether the upload exists") from error

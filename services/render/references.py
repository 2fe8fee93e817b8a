"""References as a provider can fetch them: every asset and upload gets an address of its own."""

import hashlib

from heliograph.contracts import subjects
from heliograph.contracts.assets import objects_of
from heliograph.contracts.errors import ReferenceFailed, Unavailable
from heliograph.contracts.names import job_of_asset
from heliograph.contracts.queries import FindUpload, FoundUpload, Object
from heliograph.contracts.records import Record, SentReference
from heliograph.contracts.requests import Reference
from heliograph.runtime.bus import EventLog
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.presenting import Addresses

_PATIENCE = 2.0  #: seconds storage has to answer


class References:
    """Resolves the references of a job."""

    def __init__(self, events: EventLog, jetstream: JetStream, addresses: Addresses) -> None:
        self._events = events
        self._jetstream = jetstream
        self._addresses = addresses

    async def resolve(self, record: Record) -> list[SentReference]:
        """
        Addresses and digests, in order.

        Raises:
            ReferenceFailed: One of them is not there.
            Unavailable: Storage does not answer; try again.
        """
        return [await self._resolve(record.project, each) for each in record.references]

    async def _resolve(self, project: str, reference: Reference) -> SentReference:
        if reference.url:
            digest = hashlib.sha256(reference.url.encode()).hexdigest()
            return SentReference(url=reference.url, digest=f"sha256:{digest}")
        if reference.asset:
            sha256, stored = await self._asset(project, reference.asset)
        else:
            sha256 = (reference.upload or "").removeprefix("sha256:")
            stored = await self._upload(project, sha256)
        urls = await self._addresses.of([stored])
        if stored not in urls:
            raise Unavailable("storage gives no addresses for references")
        return SentReference(url=urls[stored], digest=f"sha256:{sha256}")

    async def _asset(self, project: str, name: str) -> tuple[str, Object]:
        job, index = job_of_asset(name)
        entry = await self._events.last(job)
        if entry is not None and isinstance(entry.body, Record) and entry.body.project == project:
            for asset in entry.body.assets:
                if asset.index == index:
                    return asset.sha256, next(o for n, o in objects_of(entry.body, asset) if not n)
        raise ReferenceFailed(f"there is no asset {name}")

    async def _upload(self, project: str, sha256: str) -> Object:
        question = FindUpload(project=project, sha256=sha256).model_dump_json().encode()
        answer = await self._jetstream.ask(subjects.QUERY_UPLOADS, question, timeout=_PATIENCE)
        found = FoundUpload.model_validate_json(answer).object
        if found is None:
            raise ReferenceFailed(f"there is no upload sha256:{sha256}")
        return found

"""Resolves references to URLs that a provider can fetch: presigned URLs here, or an uploaded copy."""

import asyncio
from dataclasses import dataclass

from heliograph.contracts.attempts import SentReference
from heliograph.contracts.errors import ReferenceFailed, Unavailable
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.kept_references import KeptReference
from heliograph.contracts.object_keys import objects_of
from heliograph.contracts.public_urls import url_problem
from heliograph.contracts.queries.storage import FindUpload, StoredObject
from heliograph.contracts.records import Record
from heliograph.runtime.bus import EventLog, RequestReply
from heliograph.runtime.bus.queries import RemoteProblem
from heliograph.runtime.presigned_urls import PresignedUrlCache
from services.render.references.upload_cache import ReferenceUploadCache

_TIMEOUT = 2.0  #: seconds storage has to reply


@dataclass(frozen=True, kw_only=True)
class ReferenceResolver:
    """Resolves the references of a job."""

    events: EventLog
    request: RequestReply
    urls: PresignedUrlCache
    upload_cache: ReferenceUploadCache

    async def resolve(self, record: Record) -> list[SentReference]:
        """
        Addresses and digests, in order: what is written down, and sent as it is.

        Raises:
            ReferenceFailed: A reference does not exist.
            ProviderUnavailable, AccountRefused: The provider does not take one of them.
            Unavailable: Storage does not respond; try again.
        """
        return await asyncio.gather(*(self._resolve(record, each) for each in record.references))

    async def forget(self, record: Record) -> bool:
        """Forget references that the provider did not find. True if the next attempt uploads one again."""
        return bool(record.references) and await self.upload_cache.invalidate(record)

    async def _resolve(self, record: Record, reference: KeptReference) -> SentReference:
        if reference.url:
            if mistake := url_problem(reference.url):
                raise ReferenceFailed(f"the address of a reference {mistake}")
            return await self.upload_cache.upload_remote(record, reference.url)
        if reference.asset:
            sha256, stored = await self._asset(record.project, reference.asset)
        else:
            sha256 = (reference.upload or "").removeprefix("sha256:")
            stored = await self._upload(record.project, sha256)
        urls = await self.urls.of([stored])
        if stored not in urls:
            raise Unavailable("storage gives no URLs for references")
        return await self.upload_cache.upload(record, urls[stored], sha256)

    async def _asset(self, project: str, name: str) -> tuple[str, StoredObject]:
        job, index = job_of_asset(name)
        entry = await self.events.job(job)
        if entry and entry.record.project == project:
            for asset in entry.record.stored:  # what a job was accepted with stays until it is over
                if asset.index == index and asset.undecodable:
                    raise ReferenceFailed(f"the picture {name} cannot be decoded")
                if asset.index == index:
                    return asset.sha256, next(
                        o for n, o in objects_of(entry.record, asset) if not n
                    )
        raise ReferenceFailed(f"there is no asset {name}")

    async def _upload(self, project: str, sha256: str) -> StoredObject:
        query = FindUpload(project=project, sha256=sha256)
        try:
            stored = (await self.request(query, timeout=_TIMEOUT)).object
        except RemoteProblem as error:
            raise Unavailable("storage does not answer whether the upload exists") from error
        if stored is None:
            raise ReferenceFailed(f"there is no upload sha256:{sha256}")
        return stored

"""Downloads of the client: assets are checked by their digest, expired URLs are renewed."""

import asyncio
import hashlib
import secrets
import tempfile
from pathlib import Path

import httpx

from heliograph.client.http import TransientFailure, repeat
from heliograph.client.jobs import JobCalls
from heliograph.client_errors import ChecksumMismatch, ConnectionFailed
from heliograph.contracts.assets import Asset
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.scenes import Story
from heliograph.service_urls import unreachable

_STALE = frozenset({400, 401, 403})  #: status of a store's response to an address that has expired


class Downloads(JobCalls):
    """Downloads of job outputs."""

    async def download(self, asset: Asset, target: str | Path) -> Path:
        """
        Copy an asset to a file; an expired URL is renewed.

        Raises:
            ChecksumMismatch: The digest of the downloaded bytes is wrong.
        """
        path = Path(target)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            digest = await self._fetch(asset, draft)
            if digest != asset.sha256:
                raise ChecksumMismatch(f"{asset.id}: {digest} is not {asset.sha256}")
            await asyncio.to_thread(draft.replace, path)
        finally:
            await asyncio.to_thread(draft.unlink, missing_ok=True)
        return path

    async def story(self, asset: Asset) -> Story:
        """
        The story that a `scenes` job wrote.

        Raises:
            ChecksumMismatch: The digest of the downloaded bytes is wrong.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = await self.download(asset, Path(folder, "story.json"))
            return Story.model_validate_json(await asyncio.to_thread(file.read_bytes))

    async def _fetch(self, asset: Asset, target: Path) -> str:
        """Copy the bytes, and return their SHA-256."""
        url = asset.url or await self._fresh_address(asset)

        async def fetch() -> str:
            nonlocal url
            digest = hashlib.sha256()
            try:
                async with self._http.stream("GET", url) as response:
                    if response.status_code in _STALE:
                        url = await self._fresh_address(asset)
                        raise TransientFailure(ConnectionFailed(f"{asset.id} cannot be downloaded"))
                    response.raise_for_status()
                    with target.open("wb") as stream:
                        async for chunk in response.aiter_bytes():
                            digest.update(chunk)
                            stream.write(chunk)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise TransientFailure(unreachable(url, error)) from error
            return digest.hexdigest()

        return await repeat(fetch)

    async def _fresh_address(self, asset: Asset) -> str:
        job, index = job_of_asset(asset.id)
        for each in (await self.get(job)).assets:
            if each.index == index and each.url:
                return each.url
        raise ConnectionFailed(f"storage gave no URL for {asset.id} right now")

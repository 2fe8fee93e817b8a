"""
Object store on MinIO or any other S3: signed and administered with `minio`, streamed with httpx.

The client of `minio` buffers what it sends; a presigned PUT through httpx keeps memory flat whatever
the size. Content types come from the signed response headers, because not every server keeps them.
"""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from minio.error import MinioException
from pydantic import SecretStr
from urllib3.exceptions import HTTPError

from heliograph.contracts.errors import OutputTooLarge
from heliograph.contracts.queries.storage import StoredObject
from heliograph.runtime.clock import now
from heliograph.runtime.data_dir import Credentials
from heliograph.runtime.s3_bucket import make_bucket_if_missing
from heliograph.runtime.s3_client import s3_client
from services.storage.content import Content
from services.storage.http_transport import AiohttpTransport, WholeResponse
from services.storage.stores import Corrupted, IsSole, StoreUnavailable

_REGION = "us-east-1"  #: that stores without regions take
_INSIDE = timedelta(minutes=10)  #: life of the addresses we use ourselves
_NO_BUCKET = b"NoSuchBucket"  #: what S3 calls it, in the body of a 404
_BAD_DIGEST = b"BadDigest"  #: S3's error for bytes that do not match `Content-MD5`
_ADMIN_TIMEOUT = 5.0  #: seconds, of what is done by the client of `minio`
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)  #: 60 s between two chunks


class MinioStore:
    """
    `ObjectStore` in one bucket.

    Args:
        endpoint: Where this process reaches the store, as `http://127.0.0.1:9000`.
        public_endpoint: The host that addresses for people are signed for. A path is that of a proxy,
            which takes it off: it is not signed.
        region: Of the bucket; part of what is signed.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: SecretStr,
        bucket: str,
        *,
        public_endpoint: str | None = None,
        region: str = _REGION,
    ) -> None:
        self._bucket = bucket
        credentials = Credentials(access_key, secret_key)
        self._inside, self._outside = (
            s3_client(each, credentials, region, timeout=_ADMIN_TIMEOUT)
            for each in (endpoint, public_endpoint or endpoint)
        )
        self._public_path = urlsplit(public_endpoint or endpoint).path
        self._transport = AiohttpTransport()
        self._http = httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT, trust_env=False)

    async def open(self) -> None:
        """Make the bucket, unless it is there. Raises StoreUnavailable."""
        with translated():
            await asyncio.to_thread(make_bucket_if_missing, self._inside, self._bucket)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def put(
        self, key: str, content: Content, media_type: str, *, is_sole: IsSole | None = None
    ) -> None:
        if is_sole and not is_sole() and await self._has(key, content):
            return
        response = await self._put(key, content, media_type)
        is_told = _etag(response) == content.md5.hex()
        if not (is_told and is_sole and is_sole()):
            await self._verify(key, content)

    async def _put(self, key: str, content: Content, media_type: str) -> WholeResponse:
        headers = {
            "Content-Length": str(content.size),
            "Content-Type": media_type,
            "Content-MD5": b64encode(content.md5).decode(),
        }
        with translated():
            response = await self._transport.put(
                self._sign("PUT", key), headers, _chunks(content), timeout=_TIMEOUT
            )
        if _BAD_DIGEST in response.content:
            raise Corrupted(f"different bytes were received for {key}")
        if response.status >= httpx.codes.MULTIPLE_CHOICES:
            raise StoreUnavailable(f"the store answered {response.status}")
        return response

    async def _has(self, key: str, content: Content) -> bool:
        """Whether another process has put the bytes there already."""
        try:
            await self._verify(key, content)
        except Corrupted:
            return False
        return True

    async def _verify(self, key: str, content: Content) -> None:
        """
        Look at what is there now: rclone may lose an object that two processes put at once, and responds
        both that it has it. Raises Corrupted.
        """
        response = await self._head(key)
        if response is None or int(response.headers.get("Content-Length", -1)) != content.size:
            raise Corrupted(f"{key} is not {content.size} bytes long")
        if _etag(response) != content.md5.hex() and await self._sha256(key) != content.sha256:
            raise Corrupted(f"{key} has different bytes")

    async def _sha256(self, key: str) -> str:
        """The digest of what is there: for servers whose ETag is not an MD5."""
        digest = hashlib.sha256()
        with translated():
            async with self._http.stream("GET", self._sign("GET", key)) as response:
                response.raise_for_status()
                async for chunk in response.aiter_raw():
                    digest.update(chunk)
        return digest.hexdigest()

    async def _head(self, key: str) -> httpx.Response | None:
        with translated():
            response = await self._http.head(self._sign("HEAD", key))
            if response.status_code == httpx.codes.NOT_FOUND:
                return None
            response.raise_for_status()
        return response

    async def get(self, key: str, target: Path, *, limit: int) -> bool:
        with translated():
            async with self._http.stream("GET", self._sign("GET", key)) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    return await _is_missing(response, self._bucket)
                response.raise_for_status()
                await _write(response, target, limit)
        return True

    async def keys(self, prefix: str) -> list[str]:
        with translated():
            return await asyncio.to_thread(self._keys, prefix)

    def _keys(self, prefix: str) -> list[str]:
        objects = self._inside.list_objects(self._bucket, prefix=prefix, recursive=True)
        return [each.object_name for each in objects if each.object_name]

    async def delete(self, key: str) -> None:
        with translated():
            await asyncio.to_thread(self._inside.remove_object, self._bucket, key)

    def presigned_url(self, stored: StoredObject, *, seconds: float) -> str:
        disposition = "inline" if stored.inline else "attachment"
        headers: dict[str, str | list[str] | tuple[str]] = {
            "response-content-type": stored.media_type,
            "response-content-disposition": f'{disposition}; filename="{stored.filename}"',
            "response-cache-control": f"private, max-age={int(seconds)}, immutable",
        }
        address = self._outside.get_presigned_url(
            "GET",
            self._bucket,
            stored.key,
            expires=timedelta(seconds=seconds),
            response_headers=headers,
            request_date=signing_time(now(), seconds),
        )
        parts = urlsplit(address)
        return parts._replace(path=self._public_path + parts.path).geturl()

    async def check(self) -> None:
        with translated():
            if not await asyncio.to_thread(self._inside.bucket_exists, self._bucket):
                raise StoreUnavailable(f"there is no bucket {self._bucket}")

    def _sign(self, method: str, key: str) -> str:
        return self._inside.get_presigned_url(
            method, self._bucket, key, expires=_INSIDE, request_date=now()
        )


def signing_time(at: datetime, seconds: float) -> datetime:
    """
    The same for half the life of an address, in all processes: browsers keep what lies at an address,
    and would fetch every picture again for each new signature.
    """
    window = max(1, int(seconds / 2))
    return datetime.fromtimestamp(at.timestamp() // window * window, UTC)


def _etag(response: httpx.Response | WholeResponse) -> str:
    return str(response.headers.get("ETag", "")).strip('"')


@contextmanager
def translated() -> Iterator[None]:
    """Translate every error of the store to a transient one, without signed addresses in its text."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        raise StoreUnavailable(f"the store answered {error.response.status_code}") from None
    except (httpx.HTTPError, MinioException, HTTPError, OSError) as error:
        reason = type(error).__name__
        raise StoreUnavailable(f"the store does not answer: {reason}") from error


async def _is_missing(response: httpx.Response, bucket: str) -> bool:
    """False, which means that there is no such object; a store without our bucket is not ready."""
    if _NO_BUCKET in await response.aread():
        raise StoreUnavailable(f"there is no bucket {bucket}")
    return False


async def _write(response: httpx.Response, target: Path, limit: int) -> None:
    size = 0
    with target.open("wb") as stream:  # local, and a chunk at a time
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > limit:
                raise OutputTooLarge(f"the output is larger than {limit} bytes")
            stream.write(chunk)
    announced = response.headers.get("Content-Length")
    if announced is not None and size != int(announced):
        raise StoreUnavailable(f"the store sent {size} of {announced} bytes")


async def _chunks(content: Content) -> AsyncIterator[bytes]:
    try:
        for chunk in content.chunks():
            yield chunk
    except EOFError as error:
        raise Corrupted(str(error)) from None

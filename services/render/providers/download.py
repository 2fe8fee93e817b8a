"""Downloads references that a provider cannot fetch from us."""

import ipaddress
from urllib.parse import urlsplit

import httpx

from heliograph.contracts.errors import ReferenceFailed, Unavailable
from heliograph.runtime.http.bounded_read import read_bounded

MAX_REFERENCE = 20 * 2**20  #: bytes
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


def is_public(url: str) -> bool:
    """Whether others can fetch it: not what is on this machine, or in this network."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))


async def download_reference(url: str, *, is_ours: bool = False) -> tuple[str, bytes]:
    """
    Media type and bytes of what is at `url`, at most 20 MiB; no credentials are sent there.

    Raises:
        ReferenceFailed: It is not there, or too large.
        Unavailable: Our own store (`is_ours`) refuses an address that it signed, or is down.
    """
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as http,
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if is_ours and not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
                raise Unavailable(f"the store answered {answer.status_code} to a reference")
            if not answer.is_success:
                raise ReferenceFailed(f"a reference's store answered {answer.status_code}")
            too_large = ReferenceFailed(f"a reference is larger than {MAX_REFERENCE} bytes")
            content = await read_bounded(answer.aiter_raw(), MAX_REFERENCE, too_large)
            return answer.headers.get("Content-Type", "application/octet-stream"), content
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if is_ours:
            raise Unavailable(f"the store does not answer: {type(error).__name__}") from error
        raise ReferenceFailed(f"a reference's store does not answer: {error}") from error

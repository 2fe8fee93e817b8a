"""Keys of tokens: a shared secret, or a JSON Web Key Set (RFC 7517) from a file or an address."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from heliograph.contracts.errors import Unauthenticated, Unavailable
from heliograph.runtime.access.key_sets import read_key_set
from heliograph.runtime.fetching.certificates import ssl_context
from heliograph.runtime.http.bounded_read import read_bounded

log = structlog.get_logger()

_INTERVAL = 300.0  #: seconds between two looks at a key set
_RETRY_DELAY = 5.0  #: seconds, where it could not be read
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_MAX_BYTES = 256 * 1024  #: of a key set


class SharedSecret:
    """`TokenKeys` of HS256."""

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret

    def of(self, key_id: str | None) -> Any:
        return self._secret.get_secret_value()


class KeySet:
    """
    `TokenKeys` of EdDSA and RS256, read again every five minutes.

    Args:
        source: A file, or an https address.
    """

    def __init__(self, source: str, algorithm: str) -> None:
        self._source = source
        self._algorithm = algorithm
        self._keys: dict[str | None, Any] | None = None

    def of(self, key_id: str | None) -> Any:
        if self._keys is None:
            raise Unavailable("the keys of tokens are not known yet", retry_after=5)
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if key_id not in self._keys:
            raise Unauthenticated
        return self._keys[key_id]

    async def watch(self) -> None:
        """Read the keys at an interval. If that fails, the known keys stay in use."""
        while True:
            try:
                self.read(await self._text())
                delay = _INTERVAL
            except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
                self._report(type(error).__name__)
                delay = _RETRY_DELAY
            except Unavailable as error:
                self._report(str(error))
                delay = _RETRY_DELAY
            await asyncio.sleep(delay)

    def _report(self, reason: str) -> None:
        log.error("JWT key set not read", source=self._source, reason=reason)

    def read(self, text: str) -> None:
        """Use the keys of a set that are for the algorithm. Raises Unavailable if no key is."""
        parsed = read_key_set(text)
        keys = {key.key_id: key.key for key in parsed if key.algorithm_name == self._algorithm}
        if not keys:
            raise Unavailable(f"no key of the set is for {self._algorithm}")
        self._keys = keys

    async def _text(self) -> str:
        if not self._source.startswith("https://"):
            return await asyncio.to_thread(Path(self._source).read_text)
        async with (
            asyncio.timeout(_TIMEOUT.read),
            httpx.AsyncClient(timeout=_TIMEOUT, verify=ssl_context(), trust_env=False) as http,
            http.stream("GET", self._source) as response,
        ):
            response.raise_for_status()
            too_large = ValueError("the key set is too large")
            return (await read_bounded(response.aiter_bytes(), _MAX_BYTES, too_large)).decode()

"""Webhook signatures of fal: verified with fal's Ed25519 keys (JWKS)."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fal_client.client import REST_URL

from heliograph.runtime.clock import now
from services.render.providers.fal.client import FalClient
from services.render.providers.response_content import json_or_none

TOLERANCE = 300  #: seconds that the time of a call may be off our clock
_KEYS = f"{REST_URL}/.well-known/jwks.json"
_KEEP_KEYS = 86_400.0  #: seconds
_REFETCH_INTERVAL = 60.0  #: seconds between two fetches while no key verifies a call
_PREFIX = "x-fal-webhook-"


class WebhookSignatures:
    """Verifies the signatures of webhooks; fal's public keys are cached."""

    def __init__(self, client: FalClient) -> None:
        self._client = client
        self._keys: list[Ed25519PublicKey] = []
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """
        The request that a call is about; None unless fal signed it within the tolerance.

        Raises:
            ConnectFailed, ResponseLost, HttpErrorStatus: fal's keys cannot be fetched.
        """
        names = ("request-id", "user-id", "timestamp")
        request_id, user, at = (headers.get(_PREFIX + each, "") for each in names)
        if not at.isdecimal() or abs(int(at) - now().timestamp()) > TOLERANCE:
            return None
        message = "\n".join([request_id, user, at, hashlib.sha256(body).hexdigest()]).encode()
        signature = _unhex(headers.get(_PREFIX + "signature", ""))
        await self._refresh_jwks(_KEEP_KEYS)
        if not self._fits(message, signature):
            await self._refresh_jwks(_REFETCH_INTERVAL)  # fal may have new ones
        return request_id if request_id and self._fits(message, signature) else None

    def _fits(self, message: bytes, signature: bytes) -> bool:
        for key in self._keys:
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            return True
        return False

    async def _refresh_jwks(self, at_most: float) -> None:
        """Fetch fal's keys, unless that was done less than `at_most` seconds ago."""
        async with self._fetching:
            if time.monotonic() - self._fetched_at < at_most:
                return
            content = json_or_none(await self._client.fetch(_KEYS))
            entries = content.get("keys") if isinstance(content, dict) else None
            self._keys = [key for entry in entries or [] if (key := _key(entry))]
            self._fetched_at = time.monotonic()


def _key(entry: Any) -> Ed25519PublicKey | None:
    """An Ed25519 key of a JWKS (RFC 8037); None for any other entry."""
    try:
        x = entry["x"]
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4)))
    except (KeyError, TypeError, ValueError):
        return None


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""

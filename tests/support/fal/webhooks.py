"""Webhooks: signed as fal signs them, sent when the request is over."""

import asyncio
import base64
import hashlib
import json
import time
from contextlib import suppress
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.fal.accounts import FalAccountState, FalRequest
from tests.support.fal.results import result_of
from tests.support.timeouts import TIMEOUT

USER = "user-1"


class Signer:
    """Holds the private key; everybody may see the public one."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    def jwks(self) -> dict[str, Any]:
        """RFC 7517; `x` has no padding, as the standard says."""
        raw = self._key.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "emulated"}]}

    def headers(self, request_id: str, body: bytes, off: int = 0) -> dict[str, str]:
        """What proves that the body is ours. `off`: seconds that our clock is wrong."""
        at = str(int(time.time()) + off)
        digest = hashlib.sha256(body).hexdigest()
        message = f"{request_id}\n{USER}\n{at}\n{digest}".encode()
        return {
            "Content-Type": "application/json",
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER,
            "X-Fal-Webhook-Timestamp": at,
            "X-Fal-Webhook-Signature": self._key.sign(message).hex(),
        }


async def call_back(
    account: FalAccountState, request: FalRequest, media: str, signer: Signer
) -> None:
    """Tell whoever asked to be told, once the request is over."""
    while time.time() < request.ends_at:
        await asyncio.sleep(0.05)
        account.schedule(time.time())
    result = result_of(request, media)
    payload = None if isinstance(result.body, bytes) else result.body
    message = {
        "request_id": request.id,
        "gateway_request_id": request.id,
        "status": "OK" if result.status == 200 else "ERROR",
        "payload": payload,
        **({} if result.status == 200 else {"error": f"Invalid status code: {result.status}"}),
    }
    body = json.dumps(message).encode()
    assert request.webhook
    with suppress(httpx.HTTPError):
        await _tell(request.webhook, body, signer.headers(request.id, body))


async def _tell(webhook: str, body: bytes, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        await http.post(webhook, content=body, headers=headers)

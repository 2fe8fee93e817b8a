"""Uploads references to fal's CDN."""

import json

import stamina
from fal_client.client import CDN_URL, REST_URL

from services.render.providers.fal.client import FalClient
from services.render.providers.file_urls import is_address
from services.render.providers.http_errors import ConnectFailed, HttpErrorStatus, ResponseLost
from services.render.providers.response_content import json_or_none

_TRIES = 3
_TOKEN = f"{REST_URL}/storage/auth/token?storage_type=fal-cdn-v3"
_UPLOAD = f"{CDN_URL}/files/upload"


async def upload(client: FalClient, media_type: str, content: bytes, *, keep: int) -> str:
    """
    Upload a file to fal, to be kept for `keep` seconds. Returns its URL.

    Raises:
        ConnectFailed, ResponseLost, HttpErrorStatus: fal did not take it.
    """
    retrying = stamina.AsyncRetryingCaller(attempts=_TRIES, timeout=None, wait_jitter=0.1)
    return await retrying(_is_retryable, _upload, client, media_type, content, keep)


def _is_retryable(error: Exception) -> bool:
    if isinstance(error, HttpErrorStatus):
        return not error.response.is_client_error
    return isinstance(error, ConnectFailed | ResponseLost)


async def _upload(client: FalClient, media_type: str, content: bytes, keep: int) -> str:
    token = json_or_none(await client.send("POST", _TOKEN, json={}))
    headers = {
        "Authorization": f"{_text(token, 'token_type')} {_text(token, 'token')}",
        "Content-Type": media_type,
        "X-Fal-File-Name": f"reference.{media_type.rpartition('/')[2]}",
        "X-Fal-Object-Lifecycle": json.dumps({"expiration_duration_seconds": keep}),
    }
    response = await client.send("POST", _UPLOAD, content=content, headers=headers)
    address = _text(json_or_none(response), "access_url")
    if not is_address(address):
        raise ResponseLost("fal returned no valid file URL")
    return address


def _text(body: object, name: str) -> str:
    """A field of a response that must be text. Raises ResponseLost."""
    text = body.get(name) if isinstance(body, dict) else None
    if not isinstance(text, str):
        raise ResponseLost(f"the response has no {name}")
    return text

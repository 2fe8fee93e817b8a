"""References that fal cannot fetch from us are brought to it, over its CDN and nowhere else."""

import ipaddress
import json
from urllib.parse import urlsplit

import httpx
from fal_client.client import CDN_URL, REST_URL

from services.render.providers.fal.client import FalClient
from services.render.providers.fal.transport import NoAnswer, NotSent, Refused
from services.render.providers.fal.verdicts import parsed

MAX_REFERENCE = 20 * 2**20  #: bytes
_TRIES = 3
_TOKEN = f"{REST_URL}/storage/auth/token?storage_type=fal-cdn-v3"
_UPLOAD = f"{CDN_URL}/files/upload"
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class UnreadableReference(Exception):
    """The reference could not be read from where it is."""


def is_public(url: str) -> bool:
    """Whether fal can fetch it: not what is on this machine, or in this network."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))


async def upload(client: FalClient, url: str, *, lifetime: int | None) -> str:
    """
    Copy what is at `url` to fal, for `lifetime` seconds; None: as long as fal keeps it.

    Raises:
        UnreadableReference: It is not there, or too large.
        NotSent, NoAnswer, Refused: fal did not take it.
    """
    media_type, content = await _read(url)
    for number in range(_TRIES):
        try:
            return await _upload(client, media_type, content, lifetime)
        except (NotSent, NoAnswer):
            if number == _TRIES - 1:
                raise
        except Refused as error:
            if number == _TRIES - 1 or error.answer.is_client_error:
                raise
    raise AssertionError("the last try returns or raises")


async def _upload(client: FalClient, media_type: str, content: bytes, lifetime: int | None) -> str:
    token = parsed(await client.send("POST", _TOKEN, json={}))
    headers = {
        "Authorization": f"{_text(token, 'token_type')} {_text(token, 'token')}",
        "Content-Type": media_type,
        "X-Fal-File-Name": f"reference.{media_type.rpartition('/')[2]}",
    }
    if lifetime:
        headers["X-Fal-Object-Lifecycle"] = json.dumps({"expiration_duration_seconds": lifetime})
    answer = await client.send("POST", _UPLOAD, content=content, headers=headers)
    return _text(parsed(answer), "access_url")


async def _read(url: str) -> tuple[str, bytes]:
    """Media type and bytes, from our own store: without fal's key."""
    content = b""
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as http,
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if not answer.is_success:
                raise UnreadableReference(f"its store answered {answer.status_code}")
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > MAX_REFERENCE:
                    raise UnreadableReference(f"it is larger than {MAX_REFERENCE} bytes")
            return answer.headers.get("Content-Type", "application/octet-stream"), content
    except httpx.HTTPError as error:
        raise UnreadableReference(f"its store does not answer: {error}") from error


def _text(body: object, name: str) -> str:
    """A field of an answer that must be text. Raises NoAnswer."""
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, str):
        raise NoAnswer(f"the answer has no {name}")
    return found

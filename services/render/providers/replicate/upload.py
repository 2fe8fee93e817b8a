"""Uploads references to Replicate, as files of the account."""

from datetime import datetime
from typing import Any

from heliograph.runtime.clock import now
from services.render.providers import UploadedFile
from services.render.providers.file_urls import is_address
from services.render.providers.http import ProviderHttp
from services.render.providers.http_errors import ResponseLost
from services.render.providers.response_content import json_or_none

_KEPT = 86_400.0  #: seconds, unless Replicate reports another time
_SPARE = 3600.0  #: seconds that a prediction may take to read it


async def upload(http: ProviderHttp, media_type: str, content: bytes) -> UploadedFile:
    """
    Upload a file to Replicate.

    Raises:
        ConnectFailed, ResponseLost, HttpErrorStatus: Replicate did not take it.
    """
    name = f"reference.{media_type.rpartition('/')[2]}"
    files = {"content": (name, content, media_type)}
    file = json_or_none(await http.send("POST", "/v1/files", files=files))
    urls = file.get("urls") if isinstance(file, dict) else None
    address = urls.get("get") if isinstance(urls, dict) else None
    if not is_address(address):
        raise ResponseLost("Replicate returned no file URL")
    return UploadedFile(url=address, ttl=max(0.0, _life(file.get("expires_at")) - _SPARE))


def _life(expires_at: Any) -> float:
    try:
        return (datetime.fromisoformat(expires_at) - now()).total_seconds()
    except (TypeError, ValueError):
        return _KEPT

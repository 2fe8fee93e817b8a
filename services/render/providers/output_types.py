"""Media type of an output, as declared beside it, or by the suffix of its URL. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from heliograph.contracts.object_keys import EXTENSIONS

_TYPES = ("content_type", "mime_type", "mimeType", "media_type")


def declared_type(beside: Mapping[str, Any]) -> str | None:
    return next((beside[name] for name in _TYPES if isinstance(beside.get(name), str)), None)


_BY_SUFFIX = {extension: media_type for media_type, extension in EXTENSIONS.items()} | {
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "glb": "model/gltf-binary",
    "zip": "application/zip",
    "html": "text/html",
    "txt": "text/plain",
}


def type_by_name(url: str) -> str | None:
    try:
        name = urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return None
    return _BY_SUFFIX.get(name.rpartition(".")[2].lower())

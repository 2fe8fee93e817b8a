"""Names of fields in which providers' responses have their outputs, and of those that never have any. Pure."""

from collections.abc import Mapping
from typing import Any

#: never results: what was sent, addresses of the request itself, what is shown meanwhile
_NEVER = frozenset(
    ["urls", "logs", "log", "webhook", "metrics", "request", "timings", "error", "errors", "detail"]
)
_NEVER_PARTS = ("input", "preview", "thumb", "poster", "mask")
BYTES = ("b64_json", "base64", "b64", "image_base64", "video_base64", "bytesBase64Encoded")
MAYBE_BYTES = ("data", "content")
ADDRESSES = ("url", "uri", "image_url", "video_url", "file_url", "download_url", "href", "src")


def in_order(value: Mapping[str, Any]) -> list[str]:
    """
    Names of an object, usual ones first; those that never name a result are left out, and so is what
    says where its own file is.
    """
    own = {name for name in (*BYTES, *ADDRESSES) if isinstance(value.get(name), str)}
    names = [name for name in value if name not in own and not _never(str(name).lower())]
    return sorted(
        names, key=lambda name: USUAL_NAMES.index(name) if name in USUAL_NAMES else len(USUAL_NAMES)
    )


def _never(name: str) -> bool:
    return name in _NEVER or any(part in name for part in _NEVER_PARTS)


#: usual places of files in responses of models without an entry's `outputs`, the likeliest first
USUAL_NAMES = [
    "images",
    "image",
    "videos",
    "video",
    "outputs",
    "output",
    "data",
    "files",
    "file",
    "results",
    "result",
    "artifacts",
    "generated_images",
    "predictions",
]


def has_content(value: Any) -> bool:
    """Whether a value has content: it is not null, an empty text, or an object of these."""
    if isinstance(value, Mapping):
        return any(has_content(each) for each in value.values())
    return value not in (None, "", False) and value != []

"""Media types by magic bytes: no declared content type is trusted."""

from collections.abc import Callable, Iterable
from pathlib import Path

from heliograph.contracts.errors import BodyTooLarge, OutputRefused
from heliograph.contracts.models import Media
from heliograph.contracts.strict_json import parse_json
from services.storage.content import Body, opened, whole
from services.storage.media.film_files import FILMS, MP4, film_type
from services.storage.media.type_descriptions import describe, described

IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"})

HEAD = 4096  #: bytes that are enough to know
EARLY = 64  #: bytes that are enough for all but films
_WELCOME = "png, jpeg, webp, gif, avif, mp4 and json are stored here"
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_FILMS_BY_NAME = FILMS - {MP4}  #: stored only where a model's entry in the catalog names them


def detect_media_type(body: Body) -> str | None:
    """The media type of bytes; None for everything that is not stored here."""
    media_type = _beginning(body)
    return None if media_type == "application/json" and not _is_json(body) else media_type


def _beginning(body: Body) -> str | None:
    """The media type by the first bytes: what begins as JSON may still be none."""
    with opened(body) as stream:
        return type_of(stream.read(HEAD))


def type_of(head: bytes) -> str | None:
    """The media type of a file that begins like this; None for everything that is not stored here."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and _brands(head) & _AVIF_BRANDS:
        return "image/avif"
    if film := film_type(head):
        return film
    return "application/json" if head.lstrip()[:1] in (b"{", b"[") else None


def _brands(head: bytes) -> frozenset[bytes]:
    """The major brand and the compatible ones of an ISO media file."""
    box = head[: int.from_bytes(head[:4])]
    return frozenset({box[8:12], *(box[at : at + 4] for at in range(16, len(box) - 3, 4))})


def media_of(media_type: str) -> Media:
    """Picture, video or text."""
    if media_type in IMAGES:
        return "image"
    return "video" if media_type in FILMS else "text"


def check_media(body: Body, media: Media, films: Iterable[str] = ()) -> str:
    """
    The media type of an output that should be of a medium.

    Args:
        films: Media types of films that are stored beside MP4.

    Raises:
        OutputRefused: The output has another media type.
    """
    media_type = _beginning(body)
    if media_type in _FILMS_BY_NAME and media_type not in films:
        raise OutputRefused(
            f"the output is {media_type}, which `film_types` of its model in the catalog does not name"
        )
    if media_type and media_of(media_type) != media:
        raise OutputRefused(f"the output is {media_type}, not {media}")
    if media_type is None or detect_media_type(body) is None:
        raise OutputRefused(f"the output is {describe(body)}, which is not stored")
    return media_type


def medium_of_upload(head: bytes) -> Media:
    """The medium of an upload, by its first bytes. Raises OutputRefused."""
    media_type = type_of(head)
    if media_type is None or media_type in _FILMS_BY_NAME:
        raise OutputRefused(f"the file is {described(head)}; {_WELCOME}")
    return media_of(media_type)


def check_upload(path: Path, max_bytes: Callable[[Media], int]) -> str:
    """
    The media type of an upload.

    Args:
        max_bytes: The largest file of a medium. One that is larger is not read.

    Raises:
        BodyTooLarge, OutputRefused: The file is too large, or its type is not accepted.
    """
    media_type = _beginning(path)
    if media_type in _FILMS_BY_NAME:
        media_type = None
    if media_type:
        media = media_of(media_type)
        if path.stat().st_size > max_bytes(media):
            raise BodyTooLarge(f"at most {max_bytes(media)} bytes of {media}")
    if media_type is None or detect_media_type(path) is None:
        raise OutputRefused(f"the file is {describe(path)}; {_WELCOME}")
    return media_type


def _is_json(body: Body) -> bool:
    try:
        parse_json(whole(body).decode())
    except (ValueError, RecursionError):
        return False
    return True

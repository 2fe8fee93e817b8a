"""
Outputs in a provider's answer: found where the model's entry says, else by one generic finder, and
judged one by one. Pure.

A list entry without a file is a slot of its own: it is reported, and the others are kept.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any
from urllib.parse import urljoin, urlsplit

from heliograph.contracts.models import Media
from heliograph.contracts.object_keys import EXTENSIONS
from services.render.providers.file_urls import is_address as is_fetchable
from services.render.providers.inline_content import content_in, media_type_of
from services.render.providers.moderation import flags_beside, is_flagged

MAX_SLOTS = 256  #: places in an answer that are looked at
_MAX_NODES = 20_000  #: values of an answer that are looked at
_MAX_DEPTH = 16  #: levels
_MAX_ROW_DEPTH = 3  #: levels of objects with usual names in which lists are looked for

#: usual places of files in responses of models without an entry's `outputs`, the likeliest first
_USUAL = [
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
#: never results: what was sent, addresses of the request itself, what is shown meanwhile
_NEVER = frozenset(
    ["urls", "logs", "log", "webhook", "metrics", "request", "timings", "error", "errors", "detail"]
)
_NEVER_PARTS = ("input", "preview", "thumb", "poster", "mask")
_BYTES = ("b64_json", "base64", "b64", "image_base64", "video_base64", "bytesBase64Encoded")
_MAYBE_BYTES = ("data", "content")
_ADDRESSES = ("url", "uri", "image_url", "video_url", "file_url", "download_url", "href", "src")
_TYPES = ("content_type", "mime_type", "mimeType", "media_type")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One place for an output, as the provider filled it."""

    index: int  #: the provider's
    url: str | None = None
    content: bytes | None = None
    flagged: bool = False  #: the provider's content filter flagged it
    is_odd: bool = False  #: something is there, and it is no file
    is_refused: bool = False  #: a file is there, of another media type than the model makes

    @property
    def is_empty(self) -> bool:
        return self.url is None and self.content is None


@dataclass(frozen=True, kw_only=True)
class Search:
    """Search parameters for outputs of a response."""

    media: Media
    place: str | None = None  #: where the model's entry says the outputs are, as `result.images`
    base_url: str | None = None  #: of the provider, for relative addresses
    sent: Collection[str] = ()  #: addresses that we sent, which come back in many an answer


def slots_in(answer: Any, search: Search) -> list[Slot]:
    """
    The outputs of an answer, in its order, each once. Those of another media type count only where
    there is nothing else: then storage can say what came.
    """
    places = list(_places(answer, search.place))
    rows: list[list[Slot]] = []
    for is_strict in (True, False):
        for place in places:
            rows.append(_moderated(place, _Finder(search, is_strict=is_strict).slots(place.value)))
            if not all(slot.is_empty for slot in rows[-1]):
                return rows[-1]
    return next((row for row in rows if any(slot.flagged for slot in row)), rows[0])


@dataclass(frozen=True)
class _Place:
    """A value that may hold the outputs."""

    value: Any
    around: tuple[Mapping[str, Any], ...] = ()  #: objects that it is in, which may say more of it


def _moderated(place: _Place, row: list[Slot]) -> list[Slot]:
    flags = [flags_beside(each) for each in place.around]
    return [
        replace(slot, flagged=True) if any(flag(slot.index) for flag in flags) else slot
        for slot in row
    ]


def _places(answer: Any, path: str | None) -> Iterator[_Place]:
    """
    Where the outputs may be: where the model's entry says, then in lists where they usually are, then
    anywhere in the answer.
    """
    if path:
        yield _at(answer, path.split("."))
    yield from _usual_rows(answer, ())
    yield _Place(answer, (answer,) if isinstance(answer, Mapping) else ())


def _at(value: Any, path: list[str]) -> _Place:
    around = []
    for name in path:
        if isinstance(value, Mapping):
            around.append(value)
        value = value.get(name) if isinstance(value, Mapping) else None
    return _Place(value, tuple(around))


def _usual_rows(value: Any, around: tuple[Mapping[str, Any], ...]) -> Iterator[_Place]:
    """Lists under usual names; where an object is all that there is under one, those in it."""
    if not isinstance(value, Mapping) or len(around) >= _MAX_ROW_DEPTH:
        return
    around = (*around, value)
    usual = [value[name] for name in _USUAL if _has_content(value.get(name))]
    yield from (_Place(each, around) for each in usual if isinstance(each, list))
    if len(usual) == 1:
        yield from _usual_rows(usual[0], around)


class _Finder:
    """Finds files in one place of an answer."""

    def __init__(self, search: Search, *, is_strict: bool) -> None:
        self._search = search
        self._is_strict = is_strict
        self._seen: set[str | bytes] = set(search.sent)
        self._nodes = 0

    def slots(self, value: Any) -> list[Slot]:
        """A list is a row of slots; anything else is searched for files."""
        if isinstance(value, list):
            row = islice(_flat(value, 0), MAX_SLOTS)
            return [self._slot(index, each) for index, each in enumerate(row)]
        files = [
            replace(s, index=i) for i, s in enumerate(islice(self._files(value, 0), MAX_SLOTS))
        ]
        return files or ([self._slot(0, value)] if value else [])

    def _slot(self, index: int, value: Any) -> Slot:
        self._seen = set(self._search.sent)  # two slots may hold the same
        flagged = is_flagged(value)
        for found in self._files(value, 0):
            return replace(found, index=index, flagged=flagged or found.flagged)
        is_refused = self._is_strict and self._is_file_of_any_type(value)
        is_odd = not is_refused and _has_content(value)
        return Slot(index=index, flagged=flagged, is_odd=is_odd, is_refused=is_refused)

    def _is_file_of_any_type(self, value: Any) -> bool:
        lenient = _Finder(self._search, is_strict=False)
        lenient._nodes = self._nodes
        is_file = next(lenient._files(value, 0), None) is not None
        self._nodes = lenient._nodes
        return is_file

    def _files(self, value: Any, depth: int) -> Iterator[Slot]:
        """Every file in a value, in its order, each once."""
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return
        if isinstance(value, str):
            found = self._file(value.strip(), {}, is_address=False)
            yield from [found] if found else []
        elif isinstance(value, list):
            for each in value:
                yield from self._files(each, depth + 1)
        elif isinstance(value, Mapping):
            own = self._own_file(value)
            if own:
                yield replace(own, flagged=is_flagged(value))
                return
            flags = flags_beside(value)
            within = (self._files(value[name], depth + 1) for name in _in_order(value))
            for index, found in enumerate(chain.from_iterable(within)):
                yield replace(found, flagged=found.flagged or flags(index))

    def _own_file(self, value: Mapping[str, Any]) -> Slot | None:
        """The file that an object is about: a value counts, not a key."""
        for name in (*_BYTES, *_MAYBE_BYTES, *_ADDRESSES):
            text = value.get(name)
            if not isinstance(text, str) or not text.strip():
                continue
            found = self._bytes(text.strip(), value, is_known=name in _BYTES)
            if found is None and name in _ADDRESSES:
                found = self._file(text.strip(), value, is_address=True)
            if found:
                return found
        return None

    def _file(self, text: str, beside: Mapping[str, Any], *, is_address: bool) -> Slot | None:
        """A text as a file: an address, one that is relative to the provider's, or the bytes."""
        url = text
        if not text.startswith(("http://", "https://")):
            if found := self._bytes(text, beside, is_known=False):
                return found
            if not (is_address or text.startswith("/")) or not self._search.base_url:
                return None
            url = _joined(self._search.base_url, text)
        if not is_fetchable(url):
            return None
        return self._once(url, Slot(index=0, url=url), _declared_type(beside) or _type_by_name(url))

    def _bytes(self, text: str, beside: Mapping[str, Any], *, is_known: bool) -> Slot | None:
        content = content_in(text, is_known=is_known)
        if content is None:
            return None
        slot = Slot(index=0, content=content)
        return self._once(content, slot, media_type_of(text) or _declared_type(beside))

    def _once(self, name: str | bytes, slot: Slot, media_type: str | None) -> Slot | None:
        if name in self._seen or (self._is_strict and not self._is_wanted(media_type)):
            return None
        self._seen.add(name)
        return slot

    def _is_wanted(self, media_type: str | None) -> bool:
        """A file without a type may be of any medium."""
        if media_type is None or media_type == "application/octet-stream":
            return True
        if self._search.media == "text":
            return not media_type.startswith(("image/", "video/", "audio/"))
        return media_type.split(";")[0].strip() in EXTENSIONS and media_type.startswith(
            f"{self._search.media}/"
        )


def _flat(row: list[Any], depth: int) -> Iterator[Any]:
    """The members of nested lists, in order."""
    for each in row:
        if isinstance(each, list) and depth < _MAX_DEPTH:
            yield from _flat(each, depth + 1)
        else:
            yield each


def _has_content(value: Any) -> bool:
    """Whether there is more than nothing: null, an empty text, or an object of such."""
    if isinstance(value, Mapping):
        return any(_has_content(each) for each in value.values())
    return value not in (None, "", False) and value != []


def _in_order(value: Mapping[str, Any]) -> list[str]:
    """
    Names of an object, usual ones first; those that never name a result are left out, and so is what
    says where its own file is.
    """
    own = {name for name in (*_BYTES, *_ADDRESSES) if isinstance(value.get(name), str)}
    names = [name for name in value if name not in own and not _never(str(name).lower())]
    return sorted(names, key=lambda name: _USUAL.index(name) if name in _USUAL else len(_USUAL))


def _never(name: str) -> bool:
    return name in _NEVER or any(part in name for part in _NEVER_PARTS)


def _joined(base_url: str, text: str) -> str:
    try:
        return urljoin(base_url, text)
    except ValueError:
        return ""


def _declared_type(beside: Mapping[str, Any]) -> str | None:
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


def _type_by_name(url: str) -> str | None:
    try:
        name = urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return None
    return _BY_SUFFIX.get(name.rpartition(".")[2].lower())

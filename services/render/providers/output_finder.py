"""Finder of files in one place of a response. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import Any
from urllib.parse import urljoin

from heliograph.contracts.object_keys import EXTENSIONS
from services.render.providers.file_urls import is_address as is_fetchable
from services.render.providers.inline_content import content_in, media_type_of
from services.render.providers.moderation import flags_beside, is_flagged
from services.render.providers.output_entries import OutputEntry, Search
from services.render.providers.output_names import (
    ADDRESSES,
    BYTES,
    MAYBE_BYTES,
    has_content,
    in_order,
)
from services.render.providers.output_types import declared_type, type_by_name

MAX_SLOTS = 256  #: places in a response that are looked at
_MAX_NODES = 20_000  #: values of a response that are looked at
_MAX_DEPTH = 16  #: levels


class OutputFinder:
    """Finds files in one place of a response."""

    def __init__(self, search: Search, *, is_strict: bool) -> None:
        self._search = search
        self._is_strict = is_strict
        self._seen: set[str | bytes] = set(search.sent)
        self._nodes = 0

    def entries(self, value: Any) -> list[OutputEntry]:
        """A list is a row of entries; anything else is searched for files."""
        if isinstance(value, list):
            row = islice(_flat(value, 0), MAX_SLOTS)
            return [self._slot(index, each) for index, each in enumerate(row)]
        files = [
            replace(s, index=i) for i, s in enumerate(islice(self._files(value, 0), MAX_SLOTS))
        ]
        return files or ([self._slot(0, value)] if value else [])

    def _slot(self, index: int, value: Any) -> OutputEntry:
        self._seen = set(self._search.sent)  # two entries may hold the same
        flagged = is_flagged(value)
        for each in self._files(value, 0):
            return replace(each, index=index, flagged=flagged or each.flagged)
        is_refused = self._is_strict and self._is_file_of_any_type(value)
        is_odd = not is_refused and has_content(value)
        return OutputEntry(index=index, flagged=flagged, is_odd=is_odd, is_refused=is_refused)

    def _is_file_of_any_type(self, value: Any) -> bool:
        lenient = OutputFinder(self._search, is_strict=False)
        lenient._nodes = self._nodes
        is_file = next(lenient._files(value, 0), None) is not None
        self._nodes = lenient._nodes
        return is_file

    def _files(self, value: Any, depth: int) -> Iterator[OutputEntry]:
        """Every file in a value, in its order, each once."""
        self._nodes += 1
        if depth > _MAX_DEPTH or self._nodes > _MAX_NODES:
            return
        if isinstance(value, str):
            file = self._file(value.strip(), {}, is_address=False)
            yield from [file] if file else []
        elif isinstance(value, list):
            for each in value:
                yield from self._files(each, depth + 1)
        elif isinstance(value, Mapping):
            own = self._own_file(value)
            if own:
                yield replace(own, flagged=is_flagged(value))
                return
            flags = flags_beside(value)
            within = (self._files(value[name], depth + 1) for name in in_order(value))
            for index, file in enumerate(chain.from_iterable(within)):
                yield replace(file, flagged=file.flagged or flags(index))

    def _own_file(self, value: Mapping[str, Any]) -> OutputEntry | None:
        """The file that an object is about: a value counts, not a key."""
        for name in (*BYTES, *MAYBE_BYTES, *ADDRESSES):
            text = value.get(name)
            if not isinstance(text, str) or not text.strip():
                continue
            file = self._bytes(text.strip(), value, is_known=name in BYTES)
            if file is None and name in ADDRESSES:
                file = self._file(text.strip(), value, is_address=True)
            if file:
                return file
        return None

    def _file(
        self, text: str, beside: Mapping[str, Any], *, is_address: bool
    ) -> OutputEntry | None:
        """A text as a file: an address, one that is relative to the provider's, or the bytes."""
        url = text
        if not text.startswith(("http://", "https://")):
            if file := self._bytes(text, beside, is_known=False):
                return file
            if not (is_address or text.startswith("/")) or not self._search.base_url:
                return None
            url = _joined(self._search.base_url, text)
        if not is_fetchable(url):
            return None
        return self._once(
            url, OutputEntry(index=0, url=url), declared_type(beside) or type_by_name(url)
        )

    def _bytes(self, text: str, beside: Mapping[str, Any], *, is_known: bool) -> OutputEntry | None:
        content = content_in(text, is_known=is_known)
        if content is None:
            return None
        entry = OutputEntry(index=0, content=content)
        return self._once(content, entry, media_type_of(text) or declared_type(beside))

    def _once(
        self, name: str | bytes, entry: OutputEntry, media_type: str | None
    ) -> OutputEntry | None:
        if name in self._seen or (self._is_strict and not self._is_of_media(media_type)):
            return None
        self._seen.add(name)
        return entry

    def _is_of_media(self, media_type: str | None) -> bool:
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


def _joined(base_url: str, text: str) -> str:
    try:
        return urljoin(base_url, text)
    except ValueError:
        return ""

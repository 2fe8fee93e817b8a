"""
Error reader: collects texts, codes and fields of an error, whichever shape it has. Pure.

A text, `{"error": text}`, `{"error": {…}}`, `{"detail": …}`, lists of FastAPI, problem details, errors within
errors: texts, codes and fields are taken from all of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from heliograph.contracts.problems import FieldError
from services.render.providers.error_field_names import (
    CODES,
    KNOWN_NAMES,
    OF_NO_FIELD,
    TEXTS,
    TITLES,
    WITHIN,
)
from services.render.providers.error_fields import LISTED_PLACES, PLACES, field_error, our_pointer
from services.render.providers.error_words import MAX_CODE, error_code, meaningful_text

_MAX_DEPTH, _MAX_NODES = 6, 1_000
MAX_TEXTS = 8  #: that are taken from a response of no known shape


@dataclass
class ErrorReader:
    """Texts, codes and fields in the order in which they stand, each once."""

    texts: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    fields: list[FieldError] = field(default_factory=list)
    nodes: int = 0

    @property
    def text(self) -> str:
        about = [f"{each.pointer}: {each.detail}" for each in self.fields]
        return "; ".join(self.texts or about)

    def read(self, value: Any, depth: int = 0, *, is_listed: bool = False) -> None:
        self.nodes += 1
        if depth > _MAX_DEPTH or self.nodes > _MAX_NODES:
            return
        if isinstance(value, str):
            self._add_text(value)
        elif isinstance(value, list):
            for each in value:
                self.read(each, depth + 1, is_listed=True)
        elif isinstance(value, Mapping):
            self._read_object(value, depth, is_listed)

    def _read_object(self, value: Mapping[str, Any], depth: int, is_listed: bool) -> None:
        if _is_by_field(value):
            self._read_fields(value)
            return
        texts = [text for name in TEXTS if (text := meaningful_text(value.get(name)))]
        titles = [text for name in TITLES if (text := meaningful_text(value.get(name)))]
        for name in CODES:
            if (code := error_code(value.get(name))) and (name not in TITLES or texts):
                _add(self.codes, code)
        error = field_error(value, texts or titles, LISTED_PLACES if is_listed else PLACES)
        if error:
            self.fields.append(error)
        if not (error and is_listed):  # a listed error is reported by its field
            self._add_texts(texts or self._titles(value, titles))
        for name in WITHIN:
            if isinstance(value.get(name), Mapping | list):
                self.read(value[name], depth + 1)

    def _read_fields(self, value: Mapping[str, list[str]]) -> None:
        for name, texts in value.items():
            if name in OF_NO_FIELD:
                self._add_texts(texts)
            else:
                pointer = our_pointer([name])
                self.fields.extend(FieldError(pointer=pointer, detail=text) for text in texts)

    def _titles(self, value: Mapping[str, Any], titles: list[str]) -> list[str]:
        """A title is used only if the object has no more specific text."""
        has_more = any(isinstance(value.get(n), Mapping | list) and value[n] for n in WITHIN)
        if not has_more:
            return titles
        for each in titles:
            _add(self.codes, each[:MAX_CODE])
        return []

    def _add_texts(self, texts: list[str]) -> None:
        for text in texts:
            self._add_text(text)

    def _add_text(self, text: str) -> None:
        if word := meaningful_text(text):
            _add(self.texts, word)


def _is_by_field(value: Mapping[str, Any]) -> bool:
    """Whether an object has the mistakes of each field under its name: `{"prompt": ["is blank"]}`."""
    return bool(value) and all(
        isinstance(texts, list)
        and texts
        and name not in KNOWN_NAMES
        and all(isinstance(text, str) and meaningful_text(text) for text in texts)
        for name, texts in value.items()
    )


def all_texts(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    """Every text of a response that has no message in a usual place, with its name."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        if (word := meaningful_text(value)) and not name.lower().endswith("id"):
            yield f"{name}: {word}" if name else word
    elif isinstance(value, list):
        for each in value[:MAX_TEXTS]:
            yield from all_texts(each, name, depth + 1)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from all_texts(each, f"{name}.{key}" if name else str(key), depth + 1)


def _add(row: list[str], text: str) -> None:
    if text not in row:
        row.append(text)

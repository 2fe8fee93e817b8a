"""
Error reports: what a provider's answer says went wrong, whichever shape it has. One reader for all adapters. Pure.

A text, `{"error": text}`, `{"error": {…}}`, `{"detail": …}`, lists of FastAPI, problem details, errors within
errors: texts, codes and fields are taken from all of them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

import httpx

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.problems import FieldError, NextAction, ProviderNote, pointer_to
from services.render.providers.moderation import is_content_code, speaks_of_content
from services.render.providers.response_content import excerpt, legible_content

_TEXTS = (
    "message",
    "msg",
    "detail",
    "error_description",
    "error_message",
    "errorMessage",
    "status_msg",
    "description",
)
_TITLES = ("error", "title", "reason")  #: texts where there is no other, else codes
_CODES = (
    "code",
    "error_code",
    "errorCode",
    "error_type",
    "type",
    "status",
    "error",
    "title",
    "reason",
)
_WITHIN = (
    "error",
    "errors",
    "detail",
    "message",
    "inner_error",
    "innererror",
    "innerError",
    "details",
    "base_resp",
    "invalid_fields",
    "invalid-params",
    "invalid_params",
    "fieldViolations",
)
_PLACES = ("loc", "field", "param", "pointer")
_LISTED_PLACES = (*_PLACES, "name", "path")  #: of objects in a list
_ERRORS = ("error", "errors", "error_message", "detail")  #: in an answer that claims to be good
_REMARKS = ("message", "msg", "base_resp")
_OF_NO_FIELD = ("non_field_errors", "__all__", "base", "_schema")  #: where others name a field
_IDS = ("x-request-id", "request-id", "apim-request-id")
_NOTHING = frozenset({"", "none", "null", "undefined", "about:blank"})
_MAX_CODE = 256  #: characters
_MAX_DEPTH, _MAX_NODES = 6, 1_000
_MAX_TEXTS = 8  #: that are taken from an answer of no known shape
_OF_SERVERS = ("server", "internal", "unavailable", "overloaded", "timeout")
_MARKUP = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_MAX_PAGE = 20_000  #: characters of a page that are read
_CHANGE = NextAction(
    kind="change_request", label="Change the prompt or what the provider objects to"
)

E = TypeVar("E", bound=JobError)


@dataclass(frozen=True, kw_only=True)
class ErrorReport:
    """Error report of a provider."""

    status: int  #: of the answer, or within it
    text: str  #: a sentence of ours where it said nothing
    codes: tuple[str, ...] = ()  #: the outermost first
    fields: tuple[FieldError, ...] = ()
    request_id: str | None = None
    is_said: bool = True  #: False: the answer has no words
    is_error: bool = True  #: False: words of a good answer, which may be about anything

    @classmethod
    def of(cls, answer: httpx.Response, provider: str) -> "ErrorReport":
        """Error report of an unsuccessful response."""
        content = legible_content(answer)
        reading, body = _Reading(), _json_or_words(content)
        reading.read(body)
        text = reading.text or "; ".join(islice(_all_texts(body), _MAX_TEXTS))
        return cls(
            status=answer.status_code,
            text=text or f"{provider} answered {answer.status_code}",
            codes=tuple(reading.codes),
            fields=tuple(reading.fields),
            request_id=next((answer.headers[n] for n in _IDS if n in answer.headers), None),
            is_said=bool(text),
        )

    @property
    def code(self) -> str | None:
        return next(iter(self.codes), None)

    @property
    def is_about_content(self) -> bool:
        """Whether a content filter says it."""
        return any(map(is_content_code, self.codes)) or speaks_of_content(self.text)

    def note(self, name: str, request_id: str | None = None) -> ProviderNote:
        return ProviderNote(name=name, request_id=request_id or self.request_id, code=self.code)


def error_within(body: Any) -> ErrorReport | None:
    """Error inside a successful response; None where there is none."""
    if not isinstance(body, Mapping):
        return None
    found_fields = {name: body[name] for name in (*_ERRORS, *_REMARKS) if body.get(name)}
    if not found_fields:
        return None
    reading = _Reading()
    reading.read(found_fields | {name: body[name] for name in _CODES if name in body})
    report = ErrorReport(
        status=_status_in(body) or httpx.codes.OK,
        text=reading.text,
        codes=tuple(reading.codes),
        fields=tuple(reading.fields),
    )
    is_error = any(name in found_fields for name in _ERRORS) or report.status >= 400
    return replace(report, is_error=is_error or report.is_about_content) if report.text else None


def failure_within(report: ErrorReport, note: ProviderNote) -> JobError:
    """Error of a successful response that has an error instead of outputs."""
    named = note.model_copy(update={"code": report.code or note.code})
    if report.is_about_content:
        return ContentPolicy(report.text, provider=named, next_actions=[_CHANGE])
    if report.status >= 500 or any(w in c.lower() for c in report.codes for w in _OF_SERVERS):
        return ProviderUnavailable(report.text, provider=named)
    return ProviderRejected(
        report.text, errors=report.fields, provider=named, next_actions=[_CHANGE]
    )


def quoted(error: E, answer: httpx.Response) -> E:
    """The error with the beginning of the answer that says it, for the audit."""
    error.answer = excerpt(answer)
    return error


@dataclass
class _Reading:
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
        texts = [text for name in _TEXTS if (text := _word(value.get(name)))]
        titles = [text for name in _TITLES if (text := _word(value.get(name)))]
        for name in _CODES:
            if (code := _code(value.get(name))) and (name not in _TITLES or texts):
                _add(self.codes, code)
        found = _field(value, texts or titles, _LISTED_PLACES if is_listed else _PLACES)
        if found:
            self.fields.append(found)
        if not (found and is_listed):  # a listed error is reported by its field
            self._add_texts(texts or self._titles(value, titles))
        for name in _WITHIN:
            if isinstance(value.get(name), Mapping | list):
                self.read(value[name], depth + 1)

    def _read_fields(self, value: Mapping[str, list[str]]) -> None:
        for name, texts in value.items():
            if name in _OF_NO_FIELD:
                self._add_texts(texts)
            else:
                pointer = _our_pointer([name])
                self.fields.extend(FieldError(pointer=pointer, detail=text) for text in texts)

    def _titles(self, value: Mapping[str, Any], titles: list[str]) -> list[str]:
        """A title is a text only where nothing within says more."""
        has_more = any(isinstance(value.get(n), Mapping | list) and value[n] for n in _WITHIN)
        if not has_more:
            return titles
        for each in titles:
            _add(self.codes, each[:_MAX_CODE])
        return []

    def _add_texts(self, texts: list[str]) -> None:
        for text in texts:
            self._add_text(text)

    def _add_text(self, text: str) -> None:
        if word := _word(text):
            _add(self.texts, word)


_KNOWN = frozenset((*_TEXTS, *_TITLES, *_CODES, *_WITHIN, *_LISTED_PLACES))


def _is_by_field(value: Mapping[str, Any]) -> bool:
    """Whether an object has the mistakes of each field under its name: `{"prompt": ["is blank"]}`."""
    return bool(value) and all(
        isinstance(texts, list)
        and texts
        and name not in _KNOWN
        and all(isinstance(text, str) and _word(text) for text in texts)
        for name, texts in value.items()
    )


def _json_or_words(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _words_of(content)


def _all_texts(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    """Every text of an answer in which no sentence stands where it usually does, with its name."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        if (word := _word(value)) and not name.lower().endswith("id"):
            yield f"{name}: {word}" if name else word
    elif isinstance(value, list):
        for each in value[:_MAX_TEXTS]:
            yield from _all_texts(each, name, depth + 1)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _all_texts(each, f"{name}.{key}" if name else str(key), depth + 1)


def _add(row: list[str], text: str) -> None:
    if text not in row:
        row.append(text)


def _word(value: Any) -> str | None:
    """A text that says something."""
    text = value.strip() if isinstance(value, str) else ""
    return None if text.lower() in _NOTHING else text


def _code(value: Any) -> str | None:
    """Error code. HTTP statuses are handled elsewhere."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    word = _word(value)
    return None if word is None or _is_status(word) else word[:_MAX_CODE]


def _is_status(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) == 3 and "1" <= word[0] <= "5"


def _status_in(body: Mapping[str, Any]) -> int | None:
    """The status of HTTP that stands within an answer."""
    inner = body.get("error")
    for each in (inner, body) if isinstance(inner, Mapping) else (body,):
        for name in ("code", "status", "status_code", "statusCode"):
            status = str(each.get(name))
            if _is_status(status) and status[0] in "45":
                return int(status)
    return None


def _field(
    value: Mapping[str, Any], texts: list[str], places: tuple[str, ...]
) -> FieldError | None:
    """The field that an object is about, if it names one."""
    name = next((name for name in places if _is_place(name, value)), None)
    detail = texts[0] if texts else _code(value.get("type"))
    if name is None or detail is None:
        return None
    place = value[name]
    path = re.split(r"[./#]", place) if isinstance(place, str) else place
    parts = [str(part) for part in path if part != ""] if isinstance(path, list) else []
    return FieldError(pointer=_our_pointer(parts), detail=detail)


def _is_place(name: str, value: Mapping[str, Any]) -> bool:
    return name in value and (name == "loc" or _word(value[name]) is not None)


def _our_pointer(path: list[str]) -> str:
    """Our JSON pointer for a provider's path."""
    parts = list(path)
    while parts and parts[0] in ("body", "input"):
        parts.pop(0)
    return pointer_to(parts if parts == ["prompt"] else ["arguments", *parts])


def _words_of(content: bytes) -> str:
    """The text of an answer that is no JSON; of a page, its title or what it shows."""
    text = content.decode("utf-8", "replace")[:_MAX_PAGE].strip()
    if not text.startswith("<"):
        return "" if "\0" in text else text
    title = _TITLE.search(text)
    shown = title[1] if title and title[1].strip() else _MARKUP.sub(" ", text)
    return " ".join(shown.split())

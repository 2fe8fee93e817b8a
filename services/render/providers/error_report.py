"""Error report: the error in a provider's response. One reader for all adapters. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import httpx

from heliograph.contracts.errors import (
    ContentPolicy,
    JobError,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.problems import FieldError, NextAction, ProviderNote
from services.render.providers.content_filter_errors import is_content_code, speaks_of_content
from services.render.providers.error_field_names import CODES
from services.render.providers.error_reader import MAX_TEXTS, ErrorReader, all_texts
from services.render.providers.error_words import is_http_status
from services.render.providers.page_text import json_or_text
from services.render.providers.response_content import legible_content, response_excerpt

_ERRORS = ("error", "errors", "error_message", "detail")  #: in a response that claims to be good
_REMARKS = ("message", "msg", "base_resp")

_IDS = ("x-request-id", "request-id", "apim-request-id")

_OF_SERVERS = ("server", "internal", "unavailable", "overloaded", "timeout")

_CHANGE = NextAction(
    kind="change_request", label="Change the prompt or what the provider objects to"
)

E = TypeVar("E", bound=JobError)


@dataclass(frozen=True, kw_only=True)
class ErrorReport:
    """Error report of a provider."""

    status: int  #: of the response, or within it
    text: str  #: of the provider, else a sentence of ours
    codes: tuple[str, ...] = ()  #: the outermost first
    fields: tuple[FieldError, ...] = ()
    request_id: str | None = None
    has_text: bool = True  #: False: the response has no text of its own
    is_error: bool = True  #: False: words of a good response, which may be about anything

    @classmethod
    def of(cls, response: httpx.Response, provider: str) -> "ErrorReport":
        """Error report of an unsuccessful response."""
        content = legible_content(response)
        reading, body = ErrorReader(), json_or_text(content)
        reading.read(body)
        text = reading.text or "; ".join(islice(all_texts(body), MAX_TEXTS))
        return cls(
            status=response.status_code,
            text=text or f"{provider} answered {response.status_code}",
            codes=tuple(reading.codes),
            fields=tuple(reading.fields),
            request_id=next((response.headers[n] for n in _IDS if n in response.headers), None),
            has_text=bool(text),
        )

    @property
    def code(self) -> str | None:
        return next(iter(self.codes), None)

    @property
    def is_about_content(self) -> bool:
        """Whether the error is one of a content filter."""
        return any(map(is_content_code, self.codes)) or speaks_of_content(self.text)

    def note(self, name: str, request_id: str | None = None) -> ProviderNote:
        return ProviderNote(name=name, request_id=request_id or self.request_id, code=self.code)


def error_within(body: Any) -> ErrorReport | None:
    """Error inside a successful response; None if it has no error."""
    if not isinstance(body, Mapping):
        return None
    present = {name: body[name] for name in (*_ERRORS, *_REMARKS) if body.get(name)}
    if not present:
        return None
    reading = ErrorReader()
    reading.read(present | {name: body[name] for name in CODES if name in body})
    report = ErrorReport(
        status=_status_in(body) or httpx.codes.OK,
        text=reading.text,
        codes=tuple(reading.codes),
        fields=tuple(reading.fields),
    )
    is_error = any(name in present for name in _ERRORS) or report.status >= 400
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


def quoted(error: E, response: httpx.Response) -> E:
    """The error with the beginning of the response, for the audit."""
    error.excerpt = response_excerpt(response)
    return error


def _status_in(body: Mapping[str, Any]) -> int | None:
    """The HTTP status inside the body of a response."""
    inner = body.get("error")
    for each in (inner, body) if isinstance(inner, Mapping) else (body,):
        for name in ("code", "status", "status_code", "statusCode"):
            status = str(each.get(name))
            if is_http_status(status) and status[0] in "45":
                return int(status)
    return None

"""What goes wrong at Replicate, in our words."""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from heliograph.contracts.errors import (
    AccountRefused,
    ContentPolicy,
    JobError,
    ProviderAuth,
    ProviderBalance,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    ReferenceFailed,
)
from heliograph.contracts.problems import FieldError, NextAction, ProviderNote
from services.render.providers import RateLimited, ReplyLost
from services.render.providers.wire import parsed, patience

_NO_MONEY = ("credit", "billing", "balance", "payment")
_RESETS_IN = re.compile(r"(?:resets in|available in)\s*~?\s*(\d+(?:\.\d+)?)\s*s")
_CODE = re.compile(r"\((?:code:\s*)?([A-Z]{1,2}\d{0,5})\)")
_CHANGE = NextAction(kind="change_request", label="Change the prompt or what Replicate objects to")

#: what the text of a failed prediction says, the first that fits
_BY_WORDS: tuple[tuple[type[JobError], tuple[str, ...]], ...] = (
    (ContentPolicy, ("nsfw", "sensitive", "safety", "content policy", "moderation", "prohibited")),
    (ReferenceFailed, ("not found for url", "failed to download", "could not download")),
    (ProviderTimeout, ("timed out", "timeout")),
    (
        ProviderUnavailable,
        ("interrupted", "temporarily unavailable", "queue is full", "high demand", "director:"),
    ),
    (ProviderRejected, ("invalid", "must be", "unsupported", "validation")),
)


@dataclass(frozen=True)
class Complaint:
    """An error of Replicate's API."""

    status: int
    title: str | None
    text: str
    fields: tuple[FieldError, ...] = ()

    @classmethod
    def of(cls, answer: httpx.Response) -> "Complaint":
        body = parsed(answer)
        said = body if isinstance(body, dict) else {}
        text = said.get("detail") or said.get("title")
        title = said.get("title")
        return cls(
            answer.status_code,
            title if isinstance(title, str) else None,
            text.strip() if isinstance(text, str) else f"Replicate answered {answer.status_code}",
            tuple(_fields(said.get("invalid_fields"))),
        )

    def of_account(self) -> AccountRefused | None:
        """What is wrong with the account; None when it is something else."""
        if self.status not in (401, 402, 403):
            return None
        is_poor = any(word in self.text.lower() for word in _NO_MONEY)
        kind = ProviderBalance if self.status == 402 or is_poor else ProviderAuth
        return kind(self.text, provider=self.note)

    @property
    def note(self) -> ProviderNote:
        return ProviderNote(name="replicate", code=self.title)


def refuse_submission(answer: httpx.Response) -> NoReturn:
    """
    What an answer other than 201 to a submission means.

    Raises:
        RateLimited: Replicate said how long to wait, or did not.
        ReplyLost: It is of those that also come after a request was accepted.
        JobError: Surely not accepted.
    """
    complaint = Complaint.of(answer)
    if complaint.status == 429:
        raise RateLimited(complaint.text, retry_after=patience(answer, _seconds))
    if complaint.status in (408, 409) or not 400 <= complaint.status < 500:
        raise ReplyLost(complaint.text)
    raise complaint.of_account() or ProviderRejected(
        complaint.text, errors=complaint.fields, provider=complaint.note, next_actions=[_CHANGE]
    )


def failure_of(text: str, note: ProviderNote) -> JobError:
    """Why a prediction failed; Replicate says it in a sentence only."""
    lowered = text.lower()
    kinds = (kind for kind, words in _BY_WORDS if any(word in lowered for word in words))
    kind = next(kinds, ProviderError)
    code = _CODE.search(text)
    advice = [_CHANGE] if kind in (ContentPolicy, ProviderRejected) else []
    named = note.model_copy(update={"code": code[1] if code else None})
    return kind(text, provider=named, next_actions=advice)


def _seconds(body: Any) -> Any:
    """Where a "too fast" says how long: in a field, or in its sentence."""
    if not isinstance(body, dict):
        return None
    found = _RESETS_IN.search(str(body.get("detail", "")))
    return body.get("retry_after") or (found[1] if found else None)


def _fields(invalid: Any) -> list[FieldError]:
    entries = [entry for entry in invalid or [] if isinstance(entry, dict)]
    return [
        FieldError(pointer=_pointer(str(e.get("field", ""))), detail=str(e.get("description", "")))
        for e in entries
    ]


def _pointer(field: str) -> str:
    path = [part for part in field.split(".") if part and part != "input"]
    return "/prompt" if path == ["prompt"] else "/".join(["", "arguments", *path])

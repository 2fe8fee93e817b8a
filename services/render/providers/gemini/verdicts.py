"""Errors of Gemini's, in our words."""

from typing import Any, NoReturn

from google.genai import errors

from heliograph.contracts.errors import (
    ProviderAuth,
    ProviderBalance,
    ProviderRejected,
    ProviderUnavailable,
)
from heliograph.contracts.problems import NextAction, ProviderNote
from services.render.providers import RateLimited, ReplyLost
from services.render.providers.wire import PATIENCE, bearable

_NO_MONEY = ("billing", "prepayment", "credits", "balance")
_CHANGE = NextAction(kind="change_request", label="Change what Gemini objects to")
_FREE_FAILURES = frozenset({500, 503})  #: in Gemini's own words they are not charged


def refuse(error: errors.APIError) -> NoReturn:
    """
    What an answer other than 200 means.

    Raises:
        RateLimited: Gemini said how long to wait, or did not.
        ReplyLost: It is of those that also come after a request was accepted.
        JobError: Surely not accepted, or failed for nothing.
    """
    code, text = error.code, error.message or f"Gemini answered {error.code}"
    note = ProviderNote(name="gemini", code=error.status)
    is_poor = any(word in text.lower() for word in _NO_MONEY)
    if code == 402 or (code in (403, 429) and is_poor):
        raise ProviderBalance(text, provider=note) from error
    if code == 429:
        raise RateLimited(text, retry_after=_delay(error.details)) from error
    if code in (401, 403) or (code == 400 and "api key" in text.lower()):
        raise ProviderAuth(text, provider=note) from error
    if code in _FREE_FAILURES and _is_geminis(error.details):
        raise ProviderUnavailable(text, provider=note) from error
    if code in (408, 409) or not 400 <= code < 500:
        raise ReplyLost(text) from error
    raise ProviderRejected(text, provider=note, next_actions=[_CHANGE]) from error


def _is_geminis(details: Any) -> bool:
    """Whether the model's own service says so, and not something on the way to it."""
    said = details.get("error") if isinstance(details, dict) else None
    return isinstance(said, dict) and isinstance(said.get("status"), str) and "code" in said


def _delay(details: Any) -> float:
    """Seconds, from the note that Gemini lays beside its "too fast": `{"retryDelay": "17s"}`."""
    said = details.get("error") if isinstance(details, dict) else None
    notes = said.get("details") if isinstance(said, dict) else None
    for each in notes if isinstance(notes, list) else []:
        delay = each.get("retryDelay") if isinstance(each, dict) else None
        try:
            return bearable(float(str(delay).removesuffix("s")))
        except ValueError:
            continue
    return PATIENCE

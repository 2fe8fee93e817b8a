"""Errors of OpenAI's, in our words."""

from typing import Any

import httpx

from heliograph.contracts.errors import (
    ContentPolicy,
    ProviderAuth,
    ProviderBalance,
    ProviderRejected,
)
from heliograph.contracts.problems import FieldError, NextAction, ProviderNote
from services.render.providers import Ended, RateLimited, ReplyLost
from services.render.providers.wire import excerpt, parsed, patience

_POLICY = frozenset({"moderation_blocked", "content_policy_violation"})
_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_CHANGE = NextAction(kind="change_request", label="Change the prompt or what it objects to")


def refuse(answer: httpx.Response) -> Ended:
    """
    What an answer other than 200 means. A refusal by content may come after the work.

    Raises:
        RateLimited: It said how long to wait, or did not.
        ReplyLost: It is of those that also come after a request was accepted.
        JobError: Surely not accepted.
    """
    status, said = answer.status_code, _said(answer)
    code, text = said.get("code") or said.get("type"), said.get("message")
    detail = text if isinstance(text, str) else f"it answered {status}"
    note = ProviderNote(name="openai", code=code if isinstance(code, str) else None)
    if status == 402 or note.code in _NO_MONEY:
        raise ProviderBalance(detail, provider=note)
    if status == 429:
        raise RateLimited(detail, retry_after=patience(answer))
    if status in (401, 403):
        raise ProviderAuth(detail, provider=note)
    if note.code in _POLICY:
        policy = ContentPolicy(detail, provider=note, next_actions=[_CHANGE])
        return Ended(error=policy, charged="unknown", answer=excerpt(answer))
    if status in (408, 409) or not 400 <= status < 500:
        raise ReplyLost(detail)
    raise ProviderRejected(
        detail, errors=_fields(said.get("param")), provider=note, next_actions=[_CHANGE]
    )


def _said(answer: httpx.Response) -> dict[str, Any]:
    body = parsed(answer)
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _fields(param: Any) -> list[FieldError]:
    if not isinstance(param, str) or not param:
        return []
    pointer = "/prompt" if param == "prompt" else f"/arguments/{param}"
    return [FieldError(pointer=pointer, detail="it objects to this")]

"""Prompt validation: blank prompts are rejected for new jobs."""

import unicodedata
from collections.abc import Collection
from typing import Any

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.problems import FieldError, NextAction, describe
from heliograph.contracts.records import Record

_UNSEEN = frozenset("ZC")  #: categories of Unicode: separators, controls and marks of direction


def check_prompts(record: Record, changes: Collection[str] = ()) -> None:
    """
    Raises:
        ValidationFailed: A prompt is white space only. The next action's patch makes the request
            acceptable; `changes` are the fields that a retry changes.
    """
    if record.internal.takeover:  # it fetches what there is
        return
    blank = [name for name in ("prompt", "edit_prompt") if is_blank(getattr(record, name))]
    if not blank:
        return
    places = {name: f"/changes/{name}" if name in changes else f"/{name}" for name in blank}
    errors = [FieldError(pointer=place, detail="is white space only") for place in places.values()]
    change = _change_prompts(record, blank)
    raise ValidationFailed(describe(errors), errors=errors, next_actions=[change])


def is_blank(text: str | None) -> bool:
    """Whether nothing of a text can be seen."""
    return text is not None and all(unicodedata.category(c)[0] in _UNSEEN for c in text)


def _change_prompts(record: Record, blank: list[str]) -> NextAction:
    """The smallest change that makes the request acceptable: what it is for, in place of a blank prompt."""
    patch: dict[str, Any] = {"prompt": record.slot or record.kind} if "prompt" in blank else {}
    patch |= {"edit_prompt": None} if "edit_prompt" in blank else {}
    return NextAction(kind="change_request", label="Say what to make", patch=patch)

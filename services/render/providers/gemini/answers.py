"""What Gemini answered: outputs, or why there are none."""

import json

from google.genai import types

from heliograph.contracts.errors import ContentPolicy, JobError, NoOutput
from heliograph.contracts.problems import Charged, NextAction, ProviderNote

Made = list[bytes]

_EXCERPT = 4096  #: bytes
_CHANGE = NextAction(kind="change_request", label="Change the prompt")
_REFUSED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "JAILBREAK",
        "MODEL_ARMOR",
    }
)


def images_in(answer: types.GenerateContentResponse, note: ProviderNote) -> Made | JobError:
    """The pictures in an answer."""
    blobs = [part.inline_data for part in _parts(answer)]
    images = [blob.data for blob in blobs if blob is not None and blob.data]
    return images or _why_not(answer, note)


def story_in(answer: types.GenerateContentResponse, note: ProviderNote) -> Made | JobError:
    """The story in an answer, as it is: whether it is one is judged when it is stored."""
    text = "".join(part.text for part in _parts(answer) if part.text and not part.thought)
    if not text or _finish(answer) in _REFUSED:
        return _why_not(answer, note)
    return [text.encode()]


def is_flagged(answer: types.GenerateContentResponse) -> bool:
    """Whether a rating says that the outputs should not be shown, though they came."""
    ratings = (answer.candidates[0].safety_ratings if answer.candidates else None) or []
    return any(rating.blocked for rating in ratings)


def billed(answer: types.GenerateContentResponse) -> Charged:
    """Whether an answer without outputs is paid for: by the tokens it counts."""
    usage = answer.usage_metadata
    return "yes" if usage and usage.total_token_count else "unknown"


def audit(answer: types.GenerateContentResponse) -> str:
    """An answer without its outputs."""
    usage = answer.usage_metadata
    told = {
        "response_id": answer.response_id,
        "model_version": answer.model_version,
        "finish_reason": _finish(answer),
        "block_reason": _block(answer),
        "usage": usage.model_dump(mode="json", exclude_none=True) if usage else None,
    }
    return json.dumps(told)[:_EXCERPT]


def _why_not(answer: types.GenerateContentResponse, note: ProviderNote) -> JobError:
    reason = _block(answer) or _finish(answer)
    named = note.model_copy(update={"code": reason})
    if reason in _REFUSED:
        return ContentPolicy(f"Gemini said {reason}", provider=named, next_actions=[_CHANGE])
    return NoOutput(f"Gemini said {reason or 'nothing'}", provider=named)


def _parts(answer: types.GenerateContentResponse) -> list[types.Part]:
    first = answer.candidates[0] if answer.candidates else None
    return (first.content.parts or []) if first and first.content else []


def _finish(answer: types.GenerateContentResponse) -> str | None:
    reason = answer.candidates[0].finish_reason if answer.candidates else None
    return reason.value if reason else None


def _block(answer: types.GenerateContentResponse) -> str | None:
    reason = answer.prompt_feedback.block_reason if answer.prompt_feedback else None
    return reason.value if reason else None

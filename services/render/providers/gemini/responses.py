"""Responses of Gemini: outputs, or why they have no output."""

import json

from google.genai import types

from heliograph.contracts.errors import ContentPolicy, JobError, NoOutput
from heliograph.contracts.problems import Charged, NextAction, ProviderNote
from services.render.providers.billed_units import Units, units_in

Outputs = list[bytes]

_EXCERPT = 4096  #: characters
_MAX_WORDS = 1500  #: characters of a model's text beside its outputs
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


def images_in(answer: types.GenerateContentResponse, note: ProviderNote) -> Outputs | JobError:
    """The pictures in an answer. A model's sketches are none, but the last one counts where no other came."""
    final = [data for part in _parts(answer) if not part.thought and (data := _data(part))]
    sketches = [data for part in _parts(answer) if part.thought and (data := _data(part))]
    if final:
        return final
    if sketches and _finish(answer) not in _REFUSED:
        return sketches[-1:]
    return _why_not(answer, note)


def parse_story(answer: types.GenerateContentResponse, note: ProviderNote) -> Outputs | JobError:
    """The story in an answer, as it is: whether it is one is judged when it is stored."""
    text = "".join(_texts(answer, thought=False))
    if not text.strip() or _finish(answer) in _REFUSED:
        return _why_not(answer, note)
    return [text.encode(errors="replace")]


def is_flagged(answer: types.GenerateContentResponse) -> bool:
    """Whether Gemini flagged outputs that it returned."""
    ratings = (answer.candidates[0].safety_ratings if answer.candidates else None) or []
    return _finish(answer) in _REFUSED or any(rating.blocked for rating in ratings)


def was_billed(answer: types.GenerateContentResponse) -> Charged:
    """Whether an answer without outputs is paid for: by the tokens it counts."""
    usage = answer.usage_metadata
    return "yes" if usage and usage.total_token_count else "unknown"


def billed_tokens(answer: types.GenerateContentResponse) -> Units:
    """Tokens that Gemini counts, by the names that it has for them here."""
    usage = answer.usage_metadata
    return units_in(usage.model_dump(mode="json", exclude_none=True)) if usage else {}


def audit_excerpt(answer: types.GenerateContentResponse, *, words: bool = True) -> str:
    """An answer without its outputs, of which its `words` may be one."""
    usage = answer.usage_metadata
    excerpt = {
        "response_id": answer.response_id,
        "model_version": answer.model_version,
        "finish_reason": _finish(answer),
        "block_reason": _block(answer),
        "usage": usage.model_dump(mode="json", exclude_none=True) if usage else None,
        "pictures": sum(1 for part in _parts(answer) if _data(part)),
        "words": (_words(answer)[:_MAX_WORDS] or None) if words else None,
        "thoughts": " ".join(_texts(answer, thought=True))[:_MAX_WORDS] or None,
    }
    return json.dumps(excerpt, ensure_ascii=False)[:_EXCERPT]


def _why_not(answer: types.GenerateContentResponse, note: ProviderNote) -> JobError:
    """No output. The model's text is reported to the caller, who can only change the request."""
    reason, words = _block(answer) or _finish(answer), _words(answer)
    named = note.model_copy(update={"code": reason})
    detail = f"Gemini said {reason or 'nothing'}" + (f": {words}" if words else "")
    if reason in _REFUSED:
        return ContentPolicy(detail, provider=named, next_actions=[_CHANGE])
    return NoOutput(detail, provider=named, next_actions=[_CHANGE] if words else [])


def _words(answer: types.GenerateContentResponse) -> str:
    """Texts beside the outputs: thoughts only where there is nothing else."""
    first, prompt = answer.candidates[0] if answer.candidates else None, answer.prompt_feedback
    texts = [
        *_texts(answer, thought=False),
        first.finish_message if first else None,
        prompt.block_reason_message if prompt else None,
    ]
    words = [text.strip() for text in texts if text and text.strip()]
    return " ".join(words or _texts(answer, thought=True)).strip()


def _texts(answer: types.GenerateContentResponse, *, thought: bool) -> list[str]:
    return [part.text for part in _parts(answer) if part.text and bool(part.thought) == thought]


def _data(part: types.Part) -> bytes | None:
    return part.inline_data.data if part.inline_data else None


def _parts(answer: types.GenerateContentResponse) -> list[types.Part]:
    first = answer.candidates[0] if answer.candidates else None
    return (first.content.parts or []) if first and first.content else []


def _finish(answer: types.GenerateContentResponse) -> str | None:
    reason = answer.candidates[0].finish_reason if answer.candidates else None
    return reason.value if reason else None


def _block(answer: types.GenerateContentResponse) -> str | None:
    reason = answer.prompt_feedback.block_reason if answer.prompt_feedback else None
    return reason.value if reason else None

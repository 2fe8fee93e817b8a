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


def images_in(response: types.GenerateContentResponse, note: ProviderNote) -> Outputs | JobError:
    """
    The pictures in a response. A model's sketches are not outputs, but the last one counts if there is no
    other picture.
    """
    final = [data for part in _parts(response) if not part.thought and (data := _data(part))]
    sketches = [data for part in _parts(response) if part.thought and (data := _data(part))]
    if final:
        return final
    if sketches and _finish(response) not in _REFUSED:
        return sketches[-1:]
    return _why_not(response, note)


def parse_story(response: types.GenerateContentResponse, note: ProviderNote) -> Outputs | JobError:
    """The text of a story in a response, unchanged; it is validated when it is stored."""
    text = "".join(_texts(response, thought=False))
    if not text.strip() or _finish(response) in _REFUSED:
        return _why_not(response, note)
    return [text.encode(errors="replace")]


def is_flagged(response: types.GenerateContentResponse) -> bool:
    """Whether Gemini flagged outputs that it returned."""
    ratings = (response.candidates[0].safety_ratings if response.candidates else None) or []
    return _finish(response) in _REFUSED or any(rating.blocked for rating in ratings)


def was_billed(response: types.GenerateContentResponse) -> Charged:
    """Whether a response without outputs is paid for: by the tokens it counts."""
    usage = response.usage_metadata
    return "yes" if usage and usage.total_token_count else "unknown"


def billed_tokens(response: types.GenerateContentResponse) -> Units:
    """Tokens that Gemini counts, by the names that it has for them here."""
    usage = response.usage_metadata
    return units_in(usage.model_dump(mode="json", exclude_none=True)) if usage else {}


def audit_excerpt(response: types.GenerateContentResponse, *, words: bool = True) -> str:
    """A response without its outputs, of which its `words` may be one."""
    usage = response.usage_metadata
    excerpt = {
        "response_id": response.response_id,
        "model_version": response.model_version,
        "finish_reason": _finish(response),
        "block_reason": _block(response),
        "usage": usage.model_dump(mode="json", exclude_none=True) if usage else None,
        "pictures": sum(1 for part in _parts(response) if _data(part)),
        "words": (_words(response)[:_MAX_WORDS] or None) if words else None,
        "thoughts": " ".join(_texts(response, thought=True))[:_MAX_WORDS] or None,
    }
    return json.dumps(excerpt, ensure_ascii=False)[:_EXCERPT]


def _why_not(response: types.GenerateContentResponse, note: ProviderNote) -> JobError:
    """No output. The model's text is reported to the caller, who can only change the request."""
    reason, words = _block(response) or _finish(response), _words(response)
    named = note.model_copy(update={"code": reason})
    detail = f"Gemini said {reason or 'nothing'}" + (f": {words}" if words else "")
    if reason in _REFUSED:
        return ContentPolicy(detail, provider=named, next_actions=[_CHANGE])
    return NoOutput(detail, provider=named, next_actions=[_CHANGE] if words else [])


def _words(response: types.GenerateContentResponse) -> str:
    """Texts beside the outputs: thoughts only where there is nothing else."""
    first, prompt = (
        response.candidates[0] if response.candidates else None,
        response.prompt_feedback,
    )
    texts = [
        *_texts(response, thought=False),
        first.finish_message if first else None,
        prompt.block_reason_message if prompt else None,
    ]
    words = [text.strip() for text in texts if text and text.strip()]
    return " ".join(words or _texts(response, thought=True)).strip()


def _texts(response: types.GenerateContentResponse, *, thought: bool) -> list[str]:
    return [part.text for part in _parts(response) if part.text and bool(part.thought) == thought]


def _data(part: types.Part) -> bytes | None:
    return part.inline_data.data if part.inline_data else None


def _parts(response: types.GenerateContentResponse) -> list[types.Part]:
    first = response.candidates[0] if response.candidates else None
    return (first.content.parts or []) if first and first.content else []


def _finish(response: types.GenerateContentResponse) -> str | None:
    reason = response.candidates[0].finish_reason if response.candidates else None
    return reason.value if reason else None


def _block(response: types.GenerateContentResponse) -> str | None:
    reason = response.prompt_feedback.block_reason if response.prompt_feedback else None
    return reason.value if reason else None

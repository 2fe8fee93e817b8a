"""Content moderation: which outputs of a successful response the provider flagged. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from services.render.providers.content_filter_errors import is_content_code, speaks_of_content

#: true means: flagged
_FLAGS = frozenset(
    [
        "nsfw",
        "is_nsfw",
        "has_nsfw_concept",
        "nsfw_content_detected",
        "flagged",
        "filtered",
        "blocked",
        "moderated",
        "censored",
        "safety_flagged",
        "moderation_blocked",
    ]
)
#: false means: flagged
_CLEAN = frozenset({"respect_moderation", "is_safe", "safe", "is_image_safe", "passed_moderation"})
#: the same beside the outputs, where `safe` may be a parameter that comes back
_CLEAN_BESIDE = _CLEAN - {"safe"}
#: fields beside the outputs with their outcome; codes and states there are of the request
_FINISHES_BESIDE = frozenset({"finish_reason", "finishReason", "moderation_status"})
#: a reason is given only where there is one
_REASONS = frozenset(
    {"raiFilteredReason", "rai_filtered_reason", "moderation_reason", "filter_reason"}
)
_FINISHES = frozenset(
    {"finish_reason", "finishReason", "status", "moderation_status", "outcome", "code", "error"}
)
_REFUSED = frozenset(
    [
        "content_filter",
        "content_filtered",
        "contentfilter",
        "content_policy",
        "content_policy_violation",
        "safety",
        "moderated",
        "moderation_blocked",
        "nsfw",
        "image_safety",
        "prohibited_content",
        "image_prohibited_content",
        "blocked",
        "filtered",
    ]
)
_RATINGS = frozenset(
    {"safety_ratings", "safetyRatings", "content_filter_results", "contentFilterResults"}
)
#: beside the outputs: a list with one verdict for each, or one for all
_BESIDE = (
    "has_nsfw_concepts",
    "has_nsfw_contents",
    "has_nsfw_concept",
    "nsfw_content_detected",
    "nsfw_concepts_detected",
    "nsfw",
    "is_nsfw",
    "flagged",
    "moderation_flags",
)


def is_flagged(value: Any) -> bool:
    """Whether the provider flagged an output in the output itself."""
    if not isinstance(value, Mapping):
        return False
    if any(_is_true(value.get(name)) for name in _FLAGS):
        return True
    if any(value.get(name) is False for name in _CLEAN) or any(value.get(n) for n in _REASONS):
        return True
    if any(_is_refusal(value.get(name)) for name in _FINISHES):
        return True
    if _is_filtered(value.get("error")):
        return True
    return any(_is_rated(value.get(name)) for name in _RATINGS)


def _is_refusal(value: Any) -> bool:
    """A word for it, or an error whose code or type is one."""
    if isinstance(value, Mapping):
        return any(_is_refusal(value.get(name)) for name in ("code", "type"))
    return isinstance(value, str) and value.lower() in _REFUSED


def _is_filtered(error: Any) -> bool:
    """Whether an error in the place of an output is a content filter's."""
    fields = error if isinstance(error, Mapping) else {"message": error}
    code, kind, text = (str(fields.get(name) or "") for name in ("code", "type", "message"))
    return any(map(is_content_code, (code, kind, text))) or speaks_of_content(text)


def _is_rated(ratings: Any) -> bool:
    """`[{category, blocked}]`, or `{category: {filtered}}`."""
    each = ratings.values() if isinstance(ratings, Mapping) else ratings
    if not isinstance(ratings, Mapping | list):
        return False
    return any(
        isinstance(rating, Mapping)
        and (rating.get("blocked") is True or rating.get("filtered") is True)
        for rating in each
    )


def flags_beside(content: Any) -> Callable[[int], bool]:
    """
    Moderation flags beside the outputs: whether the one at an index is flagged. A single verdict applies to
    all of them.
    """
    fields = content if isinstance(content, Mapping) else {}
    bad = [fields[name] for name in _BESIDE if name in fields]
    good = [fields[name] for name in _CLEAN_BESIDE if name in fields]
    ends = [fields[name] for name in _FINISHES_BESIDE if name in fields]

    def is_flagged_at(index: int) -> bool:
        if any(_is_refusal(_verdict(each, index)) for each in ends):
            return True
        is_bad = any(_is_true(_verdict(each, index)) for each in bad)
        return is_bad or any(_verdict(each, index) is False for each in good)

    return is_flagged_at


def _verdict(value: Any, index: int) -> Any:
    return value[index] if isinstance(value, list) and index < len(value) else value


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")

"""Errors of content filters: recognized by code or by text. Pure."""

import re

#: parts of the codes of content filters, without what is between their words
_CONTENT_CODES = (
    "contentfilter",
    "contentpolic",
    "contentmoderation",
    "contentviolation",
    "policyviolation",
    "moderationblocked",
    "moderationfailed",
    "responsibleai",
    "sensitivecontent",
    "unsafecontent",
    "inappropriatecontent",
    "prohibitedcontent",
    "datainspection",
    "safetysystem",
    "safetyviolation",
    "imagesafety",
    "nsfw",
)
_CONTENT_WORDS = (
    "content policy",
    "contentpolicyviolation",
    "content filter",
    "content management policy",
    "content moderation",
    "safety system",
    "was flagged",
    "responsible ai",
)


def is_content_code(code: str) -> bool:
    """Whether an error with this code is a content filter's."""
    letters = re.sub("[^a-z]", "", code.lower())
    known = letters in ("safety", "moderation", "moderated")
    return known or any(part in letters for part in _CONTENT_CODES)


def speaks_of_content(text: str) -> bool:
    """Whether the sentence of an error names a content filter."""
    return any(words in text.lower() for words in _CONTENT_WORDS)

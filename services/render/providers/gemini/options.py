"""Operator's options of Gemini."""

from dataclasses import dataclass

BASE_URL = "https://generativelanguage.googleapis.com"


@dataclass(frozen=True, kw_only=True)
class GeminiOptions:
    """Operator's options of Gemini."""

    base_url: str | None = None  #: a server in Gemini's place; None: Gemini

"""Text limits: texts for people are cut to what a message has room for. Pure."""

MAX_TEXT = 1_000  #: characters of a detail, and of a pointer


def cut(text: str) -> str:
    """A text, as far as there is room for it."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"

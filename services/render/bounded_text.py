"""Bounded text of providers: cut to what an event has room for, and valid UTF-8. Pure."""

from heliograph.contracts.text_limits import cut

_MAX_EXCERPT = 4096  #: characters


def short_text(text: str) -> str:
    """The beginning of a text."""
    return to_valid_utf8(cut(text))


def short_excerpt(text: str | None) -> str | None:
    """The beginning of a response, for the audit."""
    return text and to_valid_utf8(text[:_MAX_EXCERPT])


def to_valid_utf8(text: str) -> str:
    """A text that can be written: JSON may escape halves of characters, which UTF-8 cannot carry."""
    return text.encode(errors="replace").decode()

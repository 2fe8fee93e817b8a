"""Bounded text of providers: cut to what an event has room for, and valid UTF-8. Pure."""

from heliograph.contracts.text_limits import cut

_MAX_ANSWER = 4096  #: characters


def short_text(text: str) -> str:
    """The beginning of a text."""
    return to_valid_utf8(cut(text))


def short_answer(answer: str | None) -> str | None:
    """The beginning of an answer, for the audit."""
    return answer and to_valid_utf8(answer[:_MAX_ANSWER])


def to_valid_utf8(text: str) -> str:
    """A text that can be written: JSON may escape halves of characters, which UTF-8 cannot carry."""
    return text.encode(errors="replace").decode()

"""
Shortening: a provider may say megabytes, or what is no text at all; what is kept of it fits into an
event, which is JSON in UTF-8.
"""

from heliograph.contracts.errors import JobError
from heliograph.contracts.problems import FieldError, ProviderNote, cut

MOST_OUTPUTS = 64  #: of a request: each is an address now, and an asset later

_LONGEST_ANSWER = 4096  #: characters
_LONGEST_NAME = 128  #: characters of a code or an id
_MOST_FIELDS = 20  #: of a complaint


def short_text(text: str) -> str:
    """The beginning of a text. JSON may escape halves of characters, which UTF-8 cannot carry."""
    return _legible(cut(text))


def short_answer(answer: str | None) -> str | None:
    """The beginning of an answer, for the audit."""
    return answer and _legible(answer[:_LONGEST_ANSWER])


def shorten(error: JobError) -> None:
    """Leave out what is too much of what an error says beside its text."""
    error.errors = [_short_field(each) for each in error.errors[:_MOST_FIELDS]]
    error.provider = error.provider and _short_note(error.provider)


def _short_field(field: FieldError) -> FieldError:
    told = field.cut()
    return FieldError(pointer=_legible(told.pointer), detail=_legible(told.detail))


def _short_note(note: ProviderNote) -> ProviderNote:
    names = {
        "request_id": note.request_id and _legible(note.request_id[:_LONGEST_NAME]),
        "code": note.code and _legible(note.code[:_LONGEST_NAME]),
    }
    return note.model_copy(update=names)


def _legible(text: str) -> str:
    return text.encode(errors="replace").decode()

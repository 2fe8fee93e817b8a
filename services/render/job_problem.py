"""Provider errors as problems of a job, within the bounds of an event."""

from heliograph.contracts.errors import JobError
from heliograph.contracts.problems import Charged, FieldError, NextAction, Problem, ProviderNote
from heliograph.contracts.records import Record
from heliograph.contracts.state_machine.charges import accumulate_charge
from services.render.bounded_text import short_text, to_valid_utf8

MAX_OUTPUT_COUNT = 64  #: of a request: each is an address now, and an asset later

_MAX_NAME = 128  #: characters of a code or an id
_MAX_FIELDS = 20  #: field errors in a problem


def _valid_field(field: FieldError) -> FieldError:
    return FieldError(pointer=to_valid_utf8(field.pointer), detail=to_valid_utf8(field.detail))


def _short_note(note: ProviderNote) -> ProviderNote:
    names = {
        "request_id": note.request_id and to_valid_utf8(note.request_id[:_MAX_NAME]),
        "code": note.code and to_valid_utf8(note.code[:_MAX_NAME]),
    }
    return note.model_copy(update=names)


_RETRY_AS_NEW = NextAction(kind="retry", label="Try again as a new job")


def job_problem(record: Record, error: JobError, charged: Charged) -> Problem:
    """An error as the job shows it, with what the job cost so far and what can be done."""
    in_all = accumulate_charge(record.charged, charged) if record.cost.estimated else "no"
    problem = error.problem()
    changes = {
        "detail": short_text(str(error)),
        "errors": [_valid_field(each) for each in problem.errors[:_MAX_FIELDS]],
        "provider": problem.provider and _short_note(problem.provider),
        "next_actions": problem.next_actions or [_RETRY_AS_NEW],
        "charged": in_all,
        "status": None,
    }
    return problem.model_copy(update=changes)

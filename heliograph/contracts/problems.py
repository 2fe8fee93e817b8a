"""Problem details (RFC 9457): wire format of every error."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import Field

from heliograph.contracts.text_limits import MAX_TEXT, cut
from heliograph.contracts.tolerant_reader import Tolerant

Charged = Literal["no", "yes", "unknown"]

MAX_ERRORS = 50  #: in one problem; it has to fit into a message
_MAX_DESCRIBED = 5  #: in its detail, which is for people


class FieldError(Tolerant):
    """Error of one field."""

    pointer: str  #: RFC 6901, from the root of the body, as `/prompt`; `/query/<name>` for a query
    detail: str

    def cut(self) -> "FieldError":
        """The field error within its size limit; a pointer that is too long is cut to an outer value."""
        place = self.pointer
        if len(place) > MAX_TEXT:
            place = place[: MAX_TEXT + 1].rpartition("/")[0]
        return FieldError(pointer=place, detail=cut(self.detail))


def describe(errors: Sequence[FieldError]) -> str:
    """The first errors with their places, as a detail."""
    return "; ".join(f"{each.pointer}: {each.detail}" for each in errors[:_MAX_DESCRIBED])


def relocate(
    detail: str, errors: Sequence[FieldError], place: Callable[[str], str]
) -> tuple[str, list[FieldError]]:
    """
    A detail and its errors, where the caller sent another body than the one in which they were found.

    Args:
        place: Of a pointer into that body, the pointer into the caller's.
    """
    relocated = [each.model_copy(update={"pointer": place(each.pointer)}) for each in errors]
    return detail.replace(describe(errors), describe(relocated), 1), relocated


class NextAction(Tolerant):
    """Next action for the caller."""

    kind: str  #: stable, for programs: `retry`, `wait`, `change_request`, …
    label: str  #: for people
    example: Any = None
    patch: dict[str, Any] | None = None  #: fields of the request to change


class ProviderNote(Tolerant):
    """The provider's own id and code of an error."""

    name: str
    request_id: str | None = None
    code: str | None = None


class Problem(Tolerant):
    """One error, for programs (`code`) and for people (`title`, `detail`)."""

    type: str  #: a page about this `code`, relative to the gateway
    title: str
    status: int | None = None  #: of the HTTP response; null in a job's `error`
    detail: str
    instance: str | None = None
    code: str
    retryable: bool = False
    charged: Charged | None = None
    retry_after: float | None = None  #: seconds
    errors: list[FieldError] = Field(default_factory=list)  #: the first `MAX_ERRORS`
    provider: ProviderNote | None = None
    next_actions: list[NextAction] = Field(default_factory=list)
    trace_id: str | None = None

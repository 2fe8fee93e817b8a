"""References of a request: those that its model and its kind take, and their URLs. Pure."""

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.kinds import Kind
from heliograph.contracts.models import Model
from heliograph.contracts.problems import FieldError, NextAction
from heliograph.contracts.public_urls import url_problem
from heliograph.contracts.references import Reference
from heliograph.contracts.requests import JobRequest


def used_references(
    request: JobRequest, requested: list[Reference], kind: Kind, model: Model
) -> tuple[list[Reference], str | None]:
    """The references to use, and a note about those that are left out."""
    _check_addresses(requested)
    if request.max_references and not requested:
        raise ValidationFailed.at("/max_references", "needs references")
    limit = min(request.max_references or 16, model.max_references, kind.max_references)
    if requested and not limit:
        raise ValidationFailed.at("/references", "this model takes none")
    used = requested[:limit]
    if len(used) < model.min_references:
        reason = f"this model needs at least {model.min_references}, and would get {len(used)}"
        raise ValidationFailed.at("/references", reason)
    if used == requested:
        return requested, None
    return used, f"the first {limit} of {len(requested)} references are used"


def _check_addresses(requested: list[Reference]) -> None:
    """A record may keep an address that is refused here: it was accepted at another time."""
    errors = [
        FieldError(pointer=f"/references/{index}/url", detail=mistake)
        for index, reference in enumerate(requested)
        if reference.url and (mistake := url_problem(reference.url))
    ]
    if errors:
        wrong = {int(each.pointer.split("/")[2]) for each in errors}
        kept = [each.model_dump() for index, each in enumerate(requested) if index not in wrong]
        without = NextAction(
            kind="change_request", label="Leave these out", patch={"references": kept}
        )
        detail = "; ".join(each.detail for each in errors)
        raise ValidationFailed(detail, errors=errors, next_actions=[without])

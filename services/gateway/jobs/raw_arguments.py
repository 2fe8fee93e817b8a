"""Raw provider arguments: an allow-list per model, and the request body they result in."""

from typing import Any

from jsonschema import Draft202012Validator

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.json_pointers import pointer_to
from heliograph.contracts.models import Model
from heliograph.contracts.payloads import Call, UnfitRequest, build_payload
from heliograph.contracts.payloads.reserved_names import reserved_names
from heliograph.contracts.problems import FieldError, NextAction, describe
from heliograph.contracts.requests import JobRequest

_OF_THE_REQUEST = {"prompt": "/prompt", "model": "/model"}


def check_arguments(request: JobRequest, model: Model) -> None:
    """
    Raises:
        ValidationFailed: An argument is not on the model's allow-list, or does not match its schema. The next
            action's patch makes the request acceptable.
    """
    if not request.arguments:  # a validator takes longer to build than most requests to check
        return
    known = {n: v for n, v in request.arguments.items() if n in model.arguments}
    errors = [
        FieldError(pointer=pointer_to(["arguments", *error.absolute_path]), detail=error.message)
        for error in Draft202012Validator(model.schema_of_arguments()).iter_errors(known)
    ] + [
        FieldError(pointer=pointer_to(["arguments", name]), detail=_why_not(name, model))
        for name in request.arguments
        if name not in known
    ]
    if errors:
        without = _without(request, model)
        raise ValidationFailed(describe(errors), errors=errors, next_actions=[without])


def check_payload(name: str, call: Call) -> dict[str, Any]:
    """The body that the provider would get. Raises ValidationFailed."""
    try:
        return build_payload(name, call)
    except UnfitRequest as error:
        is_raw = error.name in call.model.arguments
        section = "arguments" if is_raw else "parameters"
        place = pointer_to([section, *([error.name] if error.name else [])])
        raise ValidationFailed.at(place, str(error)) from error


def _why_not(name: str, model: Model) -> str:
    if name in _OF_THE_REQUEST:
        return f"the request says this in {_OF_THE_REQUEST[name]}"
    if name in model.parameters:
        return f"is a parameter of this model: give it as /parameters/{name}"
    if name in reserved_names(model):
        return "is set by the parameters and references of the request, and by the model"
    known = ", ".join(model.arguments)
    return f"this model takes {f'only {known}' if known else 'no raw arguments'}"


def _without(request: JobRequest, model: Model) -> NextAction:
    """The request without refused arguments; arguments that are parameters move to `parameters`."""
    kept, moved = {}, {}
    others = {n: s for n, s in model.parameters.items() if n not in request.parameters}
    for name, value in request.arguments.items():
        if name in model.arguments and Draft202012Validator(model.arguments[name]).is_valid(value):
            kept[name] = value
        elif name in others and Draft202012Validator(others[name]).is_valid(value):
            moved[name] = value
    patch: dict[str, Any] = {"arguments": kept}
    label = "Leave out the arguments that this model does not take"
    if moved:
        patch["parameters"] = {**request.parameters, **moved}
        label += f"; give {', '.join(moved)} as parameters"
    return NextAction(kind="change_request", label=label, patch=patch)

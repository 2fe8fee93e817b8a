"""Parameters of a request, over those of its kind, by the schema of its model. Pure."""

from collections.abc import Iterator
from typing import Any

from heliograph.contracts.errors import ValidationFailed
from heliograph.contracts.json_pointers import pointer_to
from heliograph.contracts.kinds import Kind
from heliograph.contracts.models import Model
from heliograph.contracts.problems import FieldError, describe
from heliograph.contracts.requests import JobRequest
from services.gateway.jobs.parameter_validators import parameter_validator


def request_parameters(request: JobRequest, kind: Kind, name: str, model: Model) -> dict[str, Any]:
    known = {name: v for name, v in kind.parameters.items() if name in model.parameters}
    parameters = {**known, **request.parameters}
    errors = list(_schema_errors(name, model, parameters))
    if errors:
        raise ValidationFailed(describe(errors), errors=errors)
    return parameters


def _schema_errors(name: str, model: Model, parameters: dict[str, Any]) -> Iterator[FieldError]:
    for error in parameter_validator(name, model).errors(parameters):
        path = pointer_to(["parameters", *error.absolute_path])
        yield FieldError(pointer=path, detail=error.message)

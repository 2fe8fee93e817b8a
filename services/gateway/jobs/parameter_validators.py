"""JSON Schema validators of models' parameters, built once per model: building costs more than checking."""

from jsonschema import Draft202012Validator

from heliograph.contracts.models import Model

_validators: dict[str, tuple[Model, Draft202012Validator]] = {}  #: by name, of the current catalog


def parameter_validator(name: str, model: Model) -> Draft202012Validator:
    """The validator of a model's parameters; a new one once the catalog describes the model anew."""
    described, validator = _validators.get(name, (None, None))
    if validator is None or described is not model:
        validator = Draft202012Validator(model.schema_of_parameters())
        _validators[name] = (model, validator)
    return validator

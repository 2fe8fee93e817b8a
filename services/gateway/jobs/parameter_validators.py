"""
JSON Schema validators of models' parameters, built once per model: building costs more than checking.

Applications send the same few parameters repeatedly, and to look up that they were valid before is cheaper
than to check them again.
"""

from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache
from jsonschema import Draft202012Validator, ValidationError

from heliograph.contracts.models import Model

_KEPT = 128  #: parameters of a model that were valid lately
_SHORT = 1_000  #: characters of parameters that are kept


class ParameterValidator:
    """Validator of the parameters of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._validator = Draft202012Validator(model.schema_of_parameters())
        self._valid: LRUCache[str, bool] = LRUCache(_KEPT)  #: by how Python writes them

    def errors(self, parameters: Mapping[str, Any]) -> list[ValidationError]:
        """What is wrong with parameters."""
        text = repr(parameters)  # unlike their values, 1, 1.0 and True are not the same
        if text in self._valid:
            return []
        errors = [*self._validator.iter_errors(parameters)]
        if not errors and len(text) <= _SHORT:
            self._valid[text] = True
        return errors


_validators: dict[str, ParameterValidator] = {}  #: by name, of the current catalog


def parameter_validator(name: str, model: Model) -> ParameterValidator:
    """The validator of a model's parameters; a new one once the catalog describes the model anew."""
    known = _validators.get(name)
    if known is None or known.model is not model:
        known = _validators[name] = ParameterValidator(model)
    return known

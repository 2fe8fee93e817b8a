"""Forms for parameters: titles, units and order, which JSON Schemas of models carry for pages."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

_FILE = Path(__file__).with_name("parameters.yaml")


class ParameterForm(BaseModel):
    """Display of a parameter in a form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    unit: str | None = None  #: of the number
    advanced: bool = False  #: few people change it
    description: str | None = None

    def keywords(self) -> dict[str, Any]:
        """The same as keywords of a JSON Schema."""
        known = {"title": self.title, "description": self.description, "x-unit": self.unit}
        return {name: value for name, value in known.items() if value is not None} | {
            "x-advanced": self.advanced
        }


@cache
def parameter_forms() -> dict[str, ParameterForm]:
    """Form fields by parameter name, in display order."""
    entries = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: ParameterForm.model_validate(entry) for name, entry in entries.items()}


def with_forms(properties: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """
    Properties of a JSON Schema with `title`, `description`, `x-unit`, `x-advanced` and `x-order`, in
    the order of forms. A property's own values take precedence; unknown properties come last.
    """
    forms = parameter_forms()
    known = [name for name in forms if name in properties]
    names = [*known, *(name for name in properties if name not in forms)]
    return {
        name: (forms[name].keywords() if name in forms else {})
        | properties[name]
        | {"x-order": order}
        for order, name in enumerate(names)
    }

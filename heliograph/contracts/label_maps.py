"""Mappings by label, such as tags: their keys are names, also in JSON Schema."""

from typing import Annotated, Any, TypeVar

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from heliograph.contracts.ids import Label

MAX_LABEL_VALUE = 256  #: characters of a label's value

V = TypeVar("V")


class _OnlyMatchingKeys:
    """States in JSON Schema that a key which does not match the pattern is refused, as it is."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core_schema))
        return {**schema, "additionalProperties": False}


LabelMap = Annotated[dict[Label, V], _OnlyMatchingKeys()]
LabelValue = Annotated[str, Field(max_length=MAX_LABEL_VALUE)]
Labels = LabelMap[LabelValue]  #: names and values that jobs are found by

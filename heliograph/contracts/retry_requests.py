"""Body of a retry."""

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from heliograph.contracts.canonical_json import json_size
from heliograph.contracts.requests import JobRequest, RequestBody

MAX_CHANGES = 768 * 1024  #: bytes of a retry's changes, as JSON; all fields of a request have fewer

RetryFrom = Literal["download", "poll", "submit"]


class _SchemaOfChanges:
    """JSON Schema of changes: the fields of a request, none of them required or with a default."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        request = handler.resolve_ref_schema(handler(JobRequest.__pydantic_core_schema__))
        fields = {
            name: {key: value for key, value in field.items() if key != "default"}
            for name, field in request["properties"].items()
        }
        return {"type": "object", "properties": fields, "additionalProperties": False}


class RetryRequest(RequestBody):
    """Retry a job, by default from the cheapest step that can work."""

    from_: RetryFrom | None = Field(
        default=None,
        alias="from",
        description=(
            "Step to restart from: `download` fetches the outputs again and `poll` asks for the "
            "result again, both at no cost; `submit` sends a new, paid request. If omitted: the "
            "cheapest step that can work"
        ),
    )
    changes: Annotated[dict[str, Any], _SchemaOfChanges()] = Field(
        default_factory=dict,
        max_length=32,
        description="Changed fields of the request; only with `submit`",
        examples=[{"prompt": "the same keeper, at night"}],
    )

    @field_validator("changes")
    @classmethod
    def _may_be_a_request(cls, changes: dict[str, Any]) -> dict[str, Any]:
        if len(changes) > 2 * len(JobRequest.model_fields) or json_size(changes) > MAX_CHANGES:
            raise ValueError(f"fields of a request, at most {MAX_CHANGES} bytes as JSON")
        return changes

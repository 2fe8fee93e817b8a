"""
Tolerant reader: data in the log, in a bucket or on the bus may be newer than its reader.

Unknown fields are kept, and written back unchanged. What callers send us is another matter: a field
that a request may not have is a mistake of theirs, and is refused.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import GenerateJsonSchema


class Tolerant(BaseModel):
    """Immutable, and open to fields of later releases. What we write has every field of this one."""

    model_config = ConfigDict(
        frozen=True, extra="allow", json_schema_serialization_defaults_required=True
    )


class TolerantJsonSchema(GenerateJsonSchema):
    """The schema of what may be of an earlier release: a field that has a default may be missing."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return bool(field["schema"]["type"] != "default")

"""
The tolerant reader: what is read from the log, a bucket or the bus may be newer than who reads it.

Unknown fields are kept, and written back unchanged. What callers send us is another matter: a field
that a request may not have is a mistake of theirs, and is refused.
"""

from pydantic import BaseModel, ConfigDict


class Tolerant(BaseModel):
    """Immutable, and open to fields of later releases."""

    model_config = ConfigDict(frozen=True, extra="allow")

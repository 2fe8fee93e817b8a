"""Kept references: pictures that a job works from, as records have them."""

from typing import Annotated, Any

from pydantic import WithJsonSchema, model_serializer

from heliograph.contracts.tolerant_reader import Tolerant

PLACES = ("asset", "url", "upload")
_Place = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {"type": "object", "properties": {place: {"type": "string"} for place in PLACES}}
    ),
]


class KeptReference(Tolerant):
    """A reference as records have it."""

    asset: str | None = None
    url: str | None = None
    upload: str | None = None

    def place(self) -> dict[str, str]:
        """The reference as a request writes it."""
        named = {"asset": self.asset, "url": self.url, "upload": self.upload}
        return {name: place for name, place in named.items() if place is not None}

    @model_serializer
    def _only_the_place(self) -> _Place:
        return {
            name: place
            for name, place in self
            if place is not None or name not in type(self).model_fields
        }

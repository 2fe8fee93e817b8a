"""References: pictures that a request works from."""

from typing import Annotated, Any, Self

from pydantic import (
    ConfigDict,
    StringConstraints,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from heliograph.contracts.ids import AssetId
from heliograph.contracts.tolerant_reader import Tolerant

_PLACES = ("asset", "url", "upload")
_Place = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {"type": "object", "properties": {place: {"type": "string"} for place in _PLACES}}
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


class Reference(KeptReference):
    """A picture to work from: one of our assets, an upload, or an address on the web."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {
                    "title": f"Reference by {place}",
                    "required": [place],
                    "properties": {place: {"type": "string"}},
                }
                for place in _PLACES
            ]
        },
    )

    asset: AssetId | None = None
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2048)] | None = None
    upload: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None

    def kept(self) -> KeptReference:
        """The same, for a record."""
        return KeptReference.model_validate(self.place())

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if sum(place is not None for place in (self.asset, self.url, self.upload)) != 1:
            raise ValueError("give exactly one of asset, url and upload")
        return self

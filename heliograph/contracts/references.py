"""References: pictures that a request works from."""

from typing import Annotated, Self

from pydantic import ConfigDict, StringConstraints, model_validator

from heliograph.contracts.ids import AssetId
from heliograph.contracts.kept_references import PLACES, KeptReference


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
                for place in PLACES
            ]
        },
    )

    asset: AssetId | None = None
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2048)] | None = None
    upload: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None

    def kept(self) -> KeptReference:
        """The reference as stored in a record."""
        return KeptReference.model_validate(self.place())

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if sum(place is not None for place in (self.asset, self.url, self.upload)) != 1:
            raise ValueError("give exactly one of asset, url and upload")
        return self

"""Models of providers: what they take, make and cost."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from heliograph.contracts.catalog_entry import CatalogEntry
from heliograph.contracts.ids import Label
from heliograph.contracts.prices import Price

Media = Literal["image", "video", "text"]


class ArgumentMapping(CatalogEntry):
    """Argument mapping: a model's own names and values for our arguments, where they differ."""

    references: str | None = None  #: the argument that takes them
    references_in: Literal["list", "one"] = "list"
    size: Literal["aspect_ratio", "image_size"] = "aspect_ratio"  #: the argument for the shape
    duration: Literal["string", "suffixed", "integer"] | None = None  #: of 5 seconds: "5", "5s", 5
    count: str = "num_images"  #: the argument for the number of outputs
    outputs: str | None = None  #: where they are in the response, as `result.images`; null: found
    fixed: dict[str, Any] = Field(default_factory=dict)  #: arguments that its price rests on


class ModelFacts(CatalogEntry):
    """Facts of a model, without the schemas of its inputs."""

    endpoint: str
    media: Media
    title: str
    min_references: int = Field(default=0, ge=0)
    max_references: int = Field(default=0, ge=0, le=16)
    price: Price = Price(known=False)
    wire: ArgumentMapping = ArgumentMapping()
    #: seconds, where the response to the request comes with the outputs; null: it comes at once
    answers_within: float | None = Field(default=None, gt=0)
    #: parameters that go together, by what they are for, as `vertical_short`
    presets: dict[Label, dict[str, Any]] = Field(default_factory=dict)
    #: media types of films that are stored beside MP4, as they came
    film_types: list[Literal["video/webm", "video/quicktime"]] = Field(default_factory=list)
    voices: list[str] = Field(default_factory=list)  #: with which it speaks
    deprecated: bool = False


class Model(ModelFacts):
    """One model of one provider."""

    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)  #: JSON Schema of each
    required: list[str] = Field(default_factory=list)
    #: JSON Schema of each raw argument that requests may give in the provider's own words
    arguments: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def aspect_ratios(self) -> list[str]:
        """The shapes on offer; empty where the model decides, or a reference does."""
        return list(self.parameters.get("aspect_ratio", {}).get("enum", ()))

    @property
    def supports(self) -> list[str]:
        """Parameters that the model supports, for forms."""
        offers = {
            "references": self.max_references > 0,
            "prompt_alone": self.min_references == 0,
            "aspect_ratio": bool(self.aspect_ratios),
            "duration": "duration_seconds" in self.parameters,
            "negative_prompt": "negative_prompt" in self.parameters,
            "several_outputs": "num_images" in self.parameters,
            "seed": "seed" in self.parameters,
            "sound": bool(self.wire.fixed.get("generate_audio")),
            "voices": bool(self.voices),
        }
        return [name for name, is_offered in offers.items() if is_offered]

    @property
    def usual_outputs(self) -> int:
        """Default number of outputs of a request."""
        default = self.parameters.get("num_images", {}).get("default", 1)
        count = self.wire.fixed.get(self.wire.count, default)
        return count if isinstance(count, int) else 1

    def schema_of_parameters(self) -> dict[str, Any]:
        """JSON Schema that a request's `parameters` must satisfy."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": self.parameters,
            "required": self.required,
            "additionalProperties": False,
        }

    def schema_of_arguments(self) -> dict[str, Any]:
        """JSON Schema that a request's `arguments` must satisfy."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": self.arguments,
            "additionalProperties": False,
        }

    def estimate(
        self, parameters: Mapping[str, Any], body: Mapping[str, Any] | None = None
    ) -> Decimal:
        """
        Estimated cost of a request with these parameters.

        Args:
            body: As the provider gets it; variants of the price depend on it.
        """
        amount = self.price.amount_for(body or {})

        def number(parameter: str, otherwise: int) -> Decimal:
            default = self.parameters.get(parameter, {}).get("default", otherwise)
            return Decimal(str(parameters.get(parameter, default)))

        if self.price.parameter:
            return number(self.price.parameter, 0)
        match self.price.unit:
            case "image":
                return amount * number("num_images", 1)
            case "megapixel":
                return amount * number("num_images", 1) * number("megapixels", 1)
            case "second":
                return amount * number("duration_seconds", 1)
            case "request":
                return amount

"""Catalog: kinds, models, lanes and accounts; and the price of a model."""

from collections.abc import Container, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from heliograph.contracts.ids import Label, ModelName
from heliograph.contracts.money import Money

Media = Literal["image", "video", "text"]


class _Entry(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class Lane(_Entry):
    """A bounded queue that all processes share."""

    cap: int = Field(ge=1, le=10_000)  #: jobs at once, over all processes


class Account(_Entry):
    """A credential at a provider, with a limit of its own."""

    provider: str
    cap: int | None = Field(default=10, ge=1)  #: requests open at once; null: no limit


def _filled_with(*names: str) -> AfterValidator:
    def check(template: str) -> str:
        try:
            template.format(**dict.fromkeys(names, ""))
        except (LookupError, AttributeError, ValueError) as error:
            raise ValueError(f"cannot be filled with {' and '.join(names)}") from error
        return template

    return AfterValidator(check)


class KindFacts(_Entry):
    """Facts of a kind, without operators' choice of models."""

    lane: str
    media: Media
    model: str  #: unless the request or its project says otherwise
    prompt_template: Annotated[str, _filled_with("prompt")] = "{prompt}"
    #: when there is an `edit_prompt`
    edit_template: Annotated[str, _filled_with("prompt", "edit_prompt")] = (
        "{prompt}\n\n{edit_prompt}"
    )
    #: when the project has a style; `prompt` is what the other templates made
    style_template: Annotated[str, _filled_with("prompt", "style")] = "{prompt}\n\nStyle: {style}"
    parameters: dict[str, Any] = Field(
        default_factory=dict
    )  #: defaults, where the model knows them
    max_references: int = Field(default=16, ge=0, le=16)
    expected_seconds: float = Field(gt=0)
    timeout_seconds: float = Field(gt=0)  #: of one attempt


class Kind(KindFacts):
    """A kind of job."""

    #: taken instead, the first that has an account here and takes the references of the request
    preferred: list[ModelName] = Field(default_factory=list)


class Price(_Entry):
    """Price of a model: a fixed amount per unit, or the value of a parameter (sim)."""

    amount: Money = Field(default=Decimal(0), ge=0)
    #: a megapixel is an image, too: no size on offer has more than one
    unit: Literal["image", "megapixel", "second", "request"] = "request"
    currency: str = "USD"
    parameter: str | None = None  #: the parameter that names the price of the request
    source: str | None = None  #: where the amount was read
    date: str | None = None  #: when


class ArgumentMapping(_Entry):
    """Argument mapping: a model's own names and values for our arguments, where they differ."""

    references: str | None = None  #: the argument that takes them
    references_in: Literal["list", "one"] = "list"
    size: Literal["aspect_ratio", "image_size"] = "aspect_ratio"  #: the argument for the shape
    duration: Literal["string", "suffixed", "integer"] | None = None  #: of 5 seconds: "5", "5s", 5
    count: str = "num_images"  #: the argument for the number of outputs
    outputs: str | None = None  #: where they are in the answer, as `result.images`; null: found
    fixed: dict[str, Any] = Field(default_factory=dict)  #: arguments that its price rests on


class ModelFacts(_Entry):
    """Facts of a model, without the schemas of its inputs."""

    endpoint: str
    media: Media
    title: str
    min_references: int = Field(default=0, ge=0)
    max_references: int = Field(default=0, ge=0, le=16)
    price: Price = Price()
    wire: ArgumentMapping = ArgumentMapping()
    #: seconds, where the answer to the request comes with the outputs; null: it comes at once
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

    def estimate(self, parameters: dict[str, Any]) -> Decimal:
        """Estimated cost of a request with these parameters."""

        def number(parameter: str, otherwise: int) -> Decimal:
            default = self.parameters.get(parameter, {}).get("default", otherwise)
            return Decimal(str(parameters.get(parameter, default)))

        if self.price.parameter:
            return number(self.price.parameter, 0)
        match self.price.unit:
            case "image" | "megapixel":
                return self.price.amount * number("num_images", 1)
            case "second":
                return self.price.amount * number("duration_seconds", 1)
            case "request":
                return self.price.amount


class Catalog(_Entry):
    """Everything an operator can describe in YAML, as one consistent whole."""

    kinds: dict[Label, Kind]
    models: dict[ModelName, Model]  #: by `provider/name`
    lanes: dict[Label, Lane]
    accounts: dict[Label, Account]

    def account_for(self, model: str) -> str | None:
        """The account that pays for a model; None when its provider has none."""
        provider = provider_of(model)
        return next((n for n, a in self.accounts.items() if a.provider == provider), None)

    def model_for(self, kind: Kind, *, references: bool = False) -> str:
        """The default model of a kind; `references`: it has to take some."""
        for name in kind.preferred:
            model = self.models.get(name)
            if model and self.account_for(name) and (model.max_references or not references):
                return name
        return kind.model

    @property
    def longest_answer(self) -> float:
        """Longest `answers_within` of the models in use, in seconds."""
        usable = (model for name, model in self.models.items() if self.account_for(name))
        return max((model.answers_within or 0.0 for model in usable), default=0.0)

    def without(self, providers: Container[str]) -> Self:
        """The same, without accounts at these providers: their models are unavailable."""
        kept = {n: a for n, a in self.accounts.items() if a.provider not in providers}
        return self.model_copy(update={"accounts": kept})


class CatalogError(NamedTuple):
    """Inconsistency of a catalog: the path of the entry, and the reason."""

    section: str
    path: tuple[str, ...]
    reason: str


def provider_of(model: str) -> str:
    """The provider in `provider/name`."""
    return model.split("/", 1)[0]


def inconsistencies(catalog: Catalog) -> Iterator[CatalogError]:
    """Names that lead nowhere, and defaults that do not fit."""
    for name, kind in catalog.kinds.items():
        if kind.lane not in catalog.lanes:
            yield CatalogError("kinds", (name, "lane"), f"there is no lane {kind.lane!r}")
        named: list[tuple[str, tuple[str, ...]]] = [(kind.model, ("model",))]
        named += [(each, ("preferred", str(n))) for n, each in enumerate(kind.preferred)]
        for model_name, path in named:
            model = catalog.models.get(model_name)
            if model is None:
                yield CatalogError("kinds", (name, *path), f"there is no model {model_name!r}")
            elif model.media != kind.media:
                reason = f"{model_name} makes {model.media}, the kind wants {kind.media}"
                yield CatalogError("kinds", (name, *path), reason)
    for name, model in catalog.models.items():
        if catalog.account_for(name) is None:
            reason = f"provider {provider_of(name)!r} has no account"
            yield CatalogError("models", (name,), reason)
        if model.min_references > model.max_references:
            reason = f"more than max_references ({model.max_references})"
            yield CatalogError("models", (name, "min_references"), reason)

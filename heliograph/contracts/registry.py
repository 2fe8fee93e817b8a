"""What can be made, by whom, and how much of it at once: kinds, models, lanes and accounts."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Media = Literal["image", "video", "text"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lane(_Entry):
    """A bounded queue that all processes share."""

    cap: int = Field(ge=1, le=10_000)  #: jobs at once, over all processes


class Account(_Entry):
    """A credential at a provider, with a limit of its own."""

    provider: str
    cap: int | None = Field(default=10, ge=1)  #: requests open at once; null: no limit


class Kind(_Entry):
    """What a job can be for."""

    lane: str
    media: Media
    model: str  #: unless the request or its project says otherwise
    prompt_template: str = "{prompt}"
    edit_template: str = "{prompt}\n\n{edit_prompt}"  #: when there is an `edit_prompt`
    parameters: dict[str, Any] = Field(
        default_factory=dict
    )  #: defaults, where the model knows them
    max_references: int = Field(default=16, ge=0, le=16)
    expected_seconds: float = Field(gt=0)
    timeout_seconds: float = Field(gt=0)  #: of one attempt


class Price(_Entry):
    """What a model costs: a fixed amount per unit, or what a parameter says (sim)."""

    amount: Decimal = Field(default=Decimal(0), ge=0)
    unit: Literal["image", "second", "request"] = "request"
    currency: str = "USD"
    parameter: str | None = None  #: the parameter that names the price of the request
    source: str | None = None  #: where the amount was read
    date: str | None = None  #: when


class Model(_Entry):
    """One model of one provider."""

    endpoint: str
    media: Media
    title: str
    min_references: int = Field(default=0, ge=0)
    max_references: int = Field(default=0, ge=0, le=16)
    price: Price = Price()
    parameters: dict[str, Any] = Field(default_factory=dict)  #: JSON Schema of each
    required: list[str] = Field(default_factory=list)
    deprecated: bool = False

    def schema_of_parameters(self) -> dict[str, Any]:
        """JSON Schema that a request's `parameters` must satisfy."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": self.parameters,
            "required": self.required,
            "additionalProperties": False,
        }

    def estimate(self, parameters: dict[str, Any]) -> Decimal:
        """What a request with these parameters costs, if it is accepted."""
        if self.price.parameter:
            return Decimal(str(parameters.get(self.price.parameter, 0)))
        units = {
            "image": Decimal(str(parameters.get("num_images", 1))),
            "second": Decimal(str(parameters.get("duration_seconds", 1))),
            "request": Decimal(1),
        }
        return self.price.amount * units[self.price.unit]


class Registry(_Entry):
    """Everything an operator can describe in YAML, as one consistent whole."""

    kinds: dict[str, Kind]
    models: dict[str, Model]  #: by `provider/name`
    lanes: dict[str, Lane]
    accounts: dict[str, Account]

    def account_for(self, model: str) -> str | None:
        """The account that pays for a model; None when its provider has none."""
        provider = provider_of(model)
        return next((n for n, a in self.accounts.items() if a.provider == provider), None)


class Inconsistency(NamedTuple):
    """Where a registry contradicts itself: the path of the entry, and why."""

    section: str
    path: tuple[str, ...]
    reason: str


def provider_of(model: str) -> str:
    """The provider in `provider/name`."""
    return model.split("/", 1)[0]


def inconsistencies(registry: Registry) -> Iterator[Inconsistency]:
    """Names that lead nowhere, and defaults that do not fit."""
    for name, kind in registry.kinds.items():
        if kind.lane not in registry.lanes:
            yield Inconsistency("kinds", (name, "lane"), f"there is no lane {kind.lane!r}")
        model = registry.models.get(kind.model)
        if model is None:
            yield Inconsistency("kinds", (name, "model"), f"there is no model {kind.model!r}")
        elif model.media != kind.media:
            reason = f"{kind.model} makes {model.media}, the kind wants {kind.media}"
            yield Inconsistency("kinds", (name, "model"), reason)
    for name, model in registry.models.items():
        if "/" not in name:
            yield Inconsistency("models", (name,), "a model is called provider/name")
        elif registry.account_for(name) is None:
            reason = f"provider {provider_of(name)!r} has no account"
            yield Inconsistency("models", (name,), reason)
        if model.min_references > model.max_references:
            reason = f"more than max_references ({model.max_references})"
            yield Inconsistency("models", (name, "min_references"), reason)

"""Price of a model."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, field_validator

from heliograph.contracts.catalog_entry import CatalogEntry
from heliograph.contracts.money import Money

BILLABLE_UNITS = "billable_units"  #: the name of units that are those of the price


class PriceVariant(CatalogEntry):
    """Another amount, for requests whose body has certain values: a size, a quality."""

    when: dict[str, str | int | bool] = Field(min_length=1)  #: in the provider's own words
    amount: Money = Field(ge=0)


class Price(CatalogEntry):
    """Price of a model: a fixed amount per unit, or the value of a parameter (sim)."""

    amount: Money = Field(default=Decimal(0), ge=0)
    #: `megapixel` is counted like `image`: the shipped models offer no size above one megapixel
    unit: Literal["image", "megapixel", "second", "request"] = "request"
    currency: str = "USD"
    parameter: str | None = None  #: the parameter that names the price of the request
    #: amounts of each unit that the provider tells afterwards, by its name there, as `output_tokens`: what a
    #: request cost in fact. Where there are none, fal's `billable_units` count with `amount`
    units: dict[str, Money] = Field(default_factory=dict)
    #: amounts in place of `amount`; the first one counts whose `when` the body matches
    variants: list[PriceVariant] = Field(default_factory=list)
    known: bool = True  #: false: what a request costs is not known
    source: str | None = None  #: where the amount was read
    date: str | None = None  #: when

    @field_validator("units")
    @classmethod
    def _cost_no_less_than_nothing(cls, units: dict[str, Decimal]) -> dict[str, Decimal]:
        for name, amount in units.items():
            if amount < 0:
                raise ValueError(f"the amount of {name} is less than 0")
        return units

    def amount_for(self, body: Mapping[str, Any]) -> Decimal:
        """Amount per unit, for a request with this body."""
        for variant in self.variants:
            if all(body.get(name) == value for name, value in variant.when.items()):
                return variant.amount
        return self.amount

    def billed_for(self, units: Mapping[str, Decimal], body: Mapping[str, Any]) -> Decimal | None:
        """Cost of the units that a provider reported for a request with this body; None: no price for them."""
        if self.units:
            if not self.units.keys() <= units.keys():
                return None
            return sum((amount * units[name] for name, amount in self.units.items()), Decimal(0))
        count = units.get(BILLABLE_UNITS)
        is_fixed = self.unit == "request" or self.parameter is not None or not self.known
        return None if count is None or is_fixed else self.amount_for(body) * count

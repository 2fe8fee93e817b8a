"""Price of a model."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from heliograph.contracts.catalog_entry import CatalogEntry
from heliograph.contracts.money import Money


class Price(CatalogEntry):
    """Price of a model: a fixed amount per unit, or the value of a parameter (sim)."""

    amount: Money = Field(default=Decimal(0), ge=0)
    #: a megapixel is an image, too: no size on offer has more than one
    unit: Literal["image", "megapixel", "second", "request"] = "request"
    currency: str = "USD"
    parameter: str | None = None  #: the parameter that names the price of the request
    source: str | None = None  #: where the amount was read
    date: str | None = None  #: when

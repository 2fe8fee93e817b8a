"""Money: wire format of amounts."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer, WithJsonSchema

#: a decimal string in JSON, never with an exponent
Money = Annotated[Decimal, PlainSerializer("{:f}".format, return_type=str, when_used="json")]

ZERO = Decimal(0)

_PRICE_SCHEMA = WithJsonSchema(  #: the number of digits has no word of its own
    {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 999_999, "multipleOf": 0.000001},
            {"type": "string", "pattern": r"^[0-9]{1,6}(\.[0-9]{1,6})?$"},
            {"type": "null"},
        ]
    }
)

#: maximum cost in a request; null: none given
MaxCost = Annotated[Decimal | None, _PRICE_SCHEMA, Field(ge=0, max_digits=12, decimal_places=6)]

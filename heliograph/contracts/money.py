"""Money: how amounts look on the wire."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer

#: a decimal string in JSON, never with an exponent
Money = Annotated[Decimal, PlainSerializer("{:f}".format, return_type=str, when_used="json")]

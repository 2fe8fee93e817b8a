"""Types of settings, as they are written in variables of the environment."""

from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints
from pydantic_settings import NoDecode


def _split(names: Any) -> Any:
    """The parts of a text between commas, without spaces around them; anything else unchanged."""
    if isinstance(names, str):
        return [name.strip() for name in names.split(",") if name.strip()]
    return names


#: several values in one variable, separated by commas
CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")]

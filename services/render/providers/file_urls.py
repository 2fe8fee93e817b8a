"""URLs of files, as providers name them."""

from typing import TypeGuard

_MAX_URL = 4096  #: characters


def is_address(value: object) -> TypeGuard[str]:
    """Whether it is the address of a file: on the web, and no longer than one can be."""
    if not isinstance(value, str) or len(value) > _MAX_URL:
        return False
    return value.startswith(("https://", "http://")) and value.isprintable()

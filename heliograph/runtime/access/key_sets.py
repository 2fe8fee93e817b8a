"""Reader of JSON Web Key Sets (RFC 7517), as identity providers and apps publish them. Pure."""

import json

import jwt

from heliograph.contracts.errors import Unavailable


def read_key_set(text: str) -> list[jwt.PyJWK]:
    """
    The keys of a set. Those of a kind that is not known here are left out, as the RFC has it.

    Raises:
        Unavailable: The text is not a key set, or has no usable key; its publisher must fix it.
    """
    try:
        content = json.loads(text)
        if not isinstance(content, dict):
            raise Unavailable("the key set is not a JSON object")
        return list(jwt.PyJWKSet.from_dict(content).keys)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unavailable(f"the key set is not valid: {type(error).__name__}") from error

"""
Payloads: the request body that a provider gets, built from a request in our words. Pure.

The gateway builds it with placeholders for addresses, to check and to price a request before it is
accepted; render builds it with the addresses, before the intent to send it is written.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from heliograph.contracts.catalog import provider_of
from heliograph.contracts.models import Model
from heliograph.contracts.payloads import fal, gemini, openai, replicate, sim
from heliograph.contracts.payloads.call import Call, UnfitRequest, megapixels

__all__ = ["PROVIDERS", "Call", "UnfitRequest", "build_payload", "price_of"]


class _Mapping(NamedTuple):
    """Mapping of requests to one provider's body."""

    build: Callable[[Call], dict[str, Any]]
    #: what the price rests on, read back from a body into our words
    quantities: Callable[[Mapping[str, Any], Model], dict[str, Any]]


_MAPPINGS: dict[str, _Mapping] = {
    "sim": _Mapping(sim.build, sim.quantities),
    "fal": _Mapping(fal.build, fal.quantities),
    "replicate": _Mapping(replicate.build, replicate.quantities),
    "gemini": _Mapping(gemini.build, gemini.quantities),
    "openai": _Mapping(openai.build, openai.quantities),
}

PROVIDERS = frozenset(_MAPPINGS)  #: those with an adapter


def build_payload(name: str, call: Call) -> dict[str, Any]:
    """
    The body for a call of the model `name`.

    Raises:
        UnfitRequest: No valid body can be built; the caller must change the request.
    """
    provider = provider_of(name)
    if provider not in _MAPPINGS:
        raise UnfitRequest(f"there is no adapter for {provider}")
    try:
        body = _MAPPINGS[provider].build(call)
        json.dumps(body, allow_nan=False).encode()
    except UnfitRequest:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise UnfitRequest(f"{name} cannot take these arguments: {error}") from error
    return body


def price_of(name: str, model: Model, body: Mapping[str, Any]) -> Decimal:
    """Price of a request body. Raises UnfitRequest."""
    try:
        quantities = _MAPPINGS[provider_of(name)].quantities(body, model)
        return model.estimate(megapixels(body) | quantities, body)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise UnfitRequest(f"{name} has no price for this: {error}") from error

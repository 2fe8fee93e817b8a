"""Builds the verifier of tokens from the settings."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from heliograph.runtime.token_settings import TokenSettings

if TYPE_CHECKING:
    from heliograph.runtime.access.jwt_tokens import TokenVerifier


class Tokens(NamedTuple):
    """The verifier, and what keeps its keys up to date, if they can change."""

    verifier: "TokenVerifier"
    watch: Callable[[], Awaitable[None]] | None


def build_tokens(settings: TokenSettings) -> Tokens | None:
    """
    The verifier of tokens of end users; None: the deployment accepts none, and the libraries that verify
    them, 8 MiB, are not loaded.
    """
    algorithm, issuer = settings.jwt_algorithm, settings.jwt_issuer
    if algorithm is None or issuer is None:
        return None
    from heliograph.runtime.access.jwt_tokens import TokenVerifier
    from heliograph.runtime.access.token_keys import KeySet, SharedSecret

    watched = KeySet(settings.jwt_keys, algorithm) if settings.jwt_keys else None
    keys = SharedSecret(settings.jwt_secret) if settings.jwt_secret and not watched else watched
    assert keys, "the settings were validated"
    verifier = TokenVerifier(
        keys, algorithm=algorithm, issuer=issuer, audience=settings.jwt_audience
    )
    return Tokens(verifier, watched.watch if watched else None)

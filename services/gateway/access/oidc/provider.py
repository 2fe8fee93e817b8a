"""Identity provider: its metadata (OpenID Connect Discovery), the code exchange, and its ID tokens."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx2
import jwt
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from pydantic import BaseModel, ValidationError

from heliograph.contracts.errors import Unauthenticated, Unavailable
from heliograph.runtime.access.key_sets import read_key_set
from heliograph.runtime.http.bounded_read import read_bounded
from services.gateway.access.oidc.attempt import SignInAttempt
from services.gateway.oidc_settings import OidcSettings

#: only signatures that the provider alone can make; the token's header chooses among these
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
_REQUIRED = ("iss", "aud", "exp", "iat", "sub", "nonce")
_LEEWAY = 60.0  #: seconds that the clocks may differ
_TIMEOUT = httpx2.Timeout(10.0, connect=5.0)
_DEADLINE = 15.0  #: seconds for all that a response to a browser waits for
_MAX_BYTES = 256 * 1024  #: of a document of the provider
_KEPT = 300.0  #: seconds that its documents are good for


class ProviderMetadata(BaseModel):
    """The metadata of the provider that we use."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class IdentityProvider:
    """
    The provider of the settings.

    Args:
        redirect_uri: Where it sends browsers back to.
    """

    def __init__(self, settings: OidcSettings, redirect_uri: str) -> None:
        assert settings.oidc_issuer, "the settings were validated"
        assert settings.oidc_client_id, "the settings were validated"
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._scope = settings.oidc_scope
        self._redirect_uri = redirect_uri
        # once: to read them holds up the event loop for 30 ms, and anybody may begin to sign in
        self._certificates = httpx2.create_ssl_context(trust_env=False)
        self._metadata: ProviderMetadata | None = None
        self._keys: dict[str | None, Any] = {}
        self._read_at = float("-inf")

    async def authorization_url(self, attempt: SignInAttempt) -> str:
        """URL at which a browser signs in. Raises Unavailable."""
        metadata = await self._current()
        async with self._client(metadata) as client:
            url, _ = client.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempt.state,
                code_verifier=attempt.verifier,
                nonce=attempt.nonce,
            )
        return str(url)

    async def claims(self, code: str, attempt: SignInAttempt) -> Mapping[str, Any]:
        """
        Who has signed in, for the code that a browser came back with.

        Raises:
            Unauthenticated: The code does not belong to this attempt, or the ID token is not valid.
            Unavailable: The identity provider does not respond.
        """
        metadata = await self._current()
        try:
            async with asyncio.timeout(_DEADLINE), self._client(metadata) as client:
                token = await client.fetch_token(
                    metadata.token_endpoint, code=code, code_verifier=attempt.verifier
                )
        except (AuthlibBaseError, ValueError) as error:
            raise Unauthenticated("the provider does not take the code") from error
        except (httpx2.HTTPError, TimeoutError) as error:
            raise _unavailable(error) from error
        return self._verified(str(token.get("id_token", "")), attempt)

    def _client(self, metadata: ProviderMetadata) -> AsyncOAuth2Client:
        supported = metadata.token_endpoint_auth_methods_supported
        method = "client_secret_basic"
        if self._secret is None:
            method = "none"
        elif method not in supported and "client_secret_post" in supported:
            method = "client_secret_post"
        return AsyncOAuth2Client(
            self._client_id,
            self._secret.get_secret_value() if self._secret else None,
            token_endpoint_auth_method=method,
            scope=self._scope,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT,
            verify=self._certificates,
            trust_env=False,
        )

    def _verified(self, id_token: str, attempt: SignInAttempt) -> Mapping[str, Any]:
        """The claims of an ID token. Raises Unauthenticated."""
        try:
            key = self._key(jwt.get_unverified_header(id_token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self._client_id,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": list(_REQUIRED)},
            )
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise Unauthenticated("the ID token is not valid") from error
        is_for_us = claims.get("azp", self._client_id) == self._client_id
        if claims["nonce"] != attempt.nonce or not is_for_us:
            raise Unauthenticated("the ID token is of another attempt")
        return claims

    def _key(self, key_id: str | None) -> Any:
        """The key of an id; without one, the only key there is. Raises KeyError."""
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys[key_id]

    async def _current(self) -> ProviderMetadata:
        """Metadata and keys of the provider, read again after five minutes. Raises Unavailable."""
        if self._metadata is None or time.monotonic() - self._read_at > _KEPT:
            self._metadata, self._keys = await self._read()
            self._read_at = time.monotonic()
        return self._metadata

    async def _read(self) -> tuple[ProviderMetadata, dict[str | None, Any]]:
        try:
            async with (
                asyncio.timeout(_DEADLINE),
                httpx2.AsyncClient(
                    timeout=_TIMEOUT, verify=self._certificates, trust_env=False
                ) as http,
            ):
                url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
                metadata = ProviderMetadata.model_validate_json(await _document(http, url))
                keys = read_key_set((await _document(http, metadata.jwks_uri)).decode())
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise _unavailable(error) from error
        except (ValidationError, ValueError) as error:
            raise Unavailable("the identity provider sent no valid metadata or key set") from error
        if metadata.issuer != self._issuer:
            raise Unavailable("the identity provider calls itself otherwise than the settings do")
        return metadata, {key.key_id: key for key in keys}


async def _document(http: httpx2.AsyncClient, url: str) -> bytes:
    async with http.stream("GET", url) as response:
        response.raise_for_status()
        too_large = ValueError("the document is too large")
        return await read_bounded(response.aiter_bytes(), _MAX_BYTES, too_large)


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"the identity provider does not answer: {type(error).__name__}")

"""Only an ID token that the provider has made for this attempt signs somebody in."""

import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from heliograph.contracts.errors import Unauthenticated, Unavailable
from services.gateway.access.oidc.attempt import SignInAttempt
from services.gateway.access.oidc.provider import IdentityProvider
from services.gateway.oidc_settings import OidcGrant, OidcSettings
from tests.support.oidc_emulator import CLIENT, SECRET, OidcEmulator
from tests.support.servers import free_port

REDIRECT = "https://heliograph.example/v1/session/oidc/callback"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ATTEMPT = SignInAttempt.begin("/")

Forge = Callable[[dict[str, Any]], str]


@pytest.fixture
async def emulator() -> AsyncIterator[OidcEmulator]:
    emulator = OidcEmulator(KEY.public_key())
    await emulator.open()
    yield emulator
    await emulator.close()


def provider(issuer: str, secret: str | None = SECRET) -> IdentityProvider:
    settings = OidcSettings(
        oidc_issuer=issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=secret,
        oidc_grants={"*": OidcGrant(scopes=["jobs:read"])},
    )
    return IdentityProvider(settings, REDIRECT)


def claims(issuer: str, **changes: Any) -> dict[str, Any]:
    """Of a good token; null leaves one out."""
    at = int(time.time())
    good = {"iss": issuer, "aud": CLIENT, "sub": "ada", "iat": at, "exp": at + 300}
    complete = {**good, "nonce": ATTEMPT.nonce, **changes}
    return {name: value for name, value in complete.items() if value is not None}


def signed(content: dict[str, Any], key: Any = KEY, kid: str | None = "one") -> str:
    return jwt.encode(content, key, "RS256", headers={"kid": kid} if kid else None)


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def signed_with_the_public_key(content: dict[str, Any]) -> str:
    """As if the public key were a secret that both sides share."""
    secret = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{_part(content)}"
    signature = hmac.digest(secret, text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_certificates_are_not_read_again_for_everybody_who_begins(
    emulator: OidcEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes long, and anybody may begin."""
    identity = provider(emulator.issuer)
    read: list[object] = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *given, **named: read.append(named)
    )

    urls = [await identity.authorization_url(ATTEMPT) for _ in range(2)]

    assert urls[0].startswith(emulator.issuer)
    assert not read


@pytest.mark.parametrize("kid", ["one", None])
async def test_a_good_token_says_who_it_is(emulator: OidcEmulator, kid: str | None) -> None:
    token = signed(claims(emulator.issuer, groups=["artists"]), kid=kid)
    emulator.expect("code", ATTEMPT.verifier, token)

    identity = await provider(emulator.issuer).claims("code", ATTEMPT)

    assert (identity["sub"], identity["groups"]) == ("ada", ["artists"])
    assert emulator.credentials == f"{CLIENT}:{SECRET}"


async def test_a_public_client_proves_itself_by_the_verifier_alone(emulator: OidcEmulator) -> None:
    emulator.expect("code", ATTEMPT.verifier, signed(claims(emulator.issuer)))

    identity = await provider(emulator.issuer, secret=None).claims("code", ATTEMPT)

    assert identity["sub"] == "ada"
    assert emulator.credentials is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"azp": "another-client"},
        {"nonce": "of another attempt"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": int(time.time()) + 3_600},
        {"sub": None},
        {"sub": 7},
    ],
    ids=lambda changes: (
        "-".join(f"{name} {value}" for name, value in changes.items())
        if "iat" not in changes
        else f"iat {'none' if changes['iat'] is None else 'in an hour'}"
    ),
)
async def test_a_token_for_something_else_is_refused(
    emulator: OidcEmulator, changes: dict[str, Any]
) -> None:
    emulator.expect("code", ATTEMPT.verifier, signed(claims(emulator.issuer, **changes)))

    with pytest.raises(Unauthenticated):
        await provider(emulator.issuer).claims("code", ATTEMPT)


@pytest.mark.parametrize(
    "forge",
    [
        lambda content: jwt.encode(content, None, algorithm="none"),  # type: ignore[arg-type]
        signed_with_the_public_key,
        lambda content: signed(content, OTHER_KEY),
        lambda content: signed(content, OTHER_KEY, "two"),
        lambda content: signed(content)[:-4] + "AAAA",
        lambda content: "no token",
        lambda content: "",
    ],
    ids=[
        *("no signature", "public key as secret", "another key", "unknown key"),
        *("broken signature", "no token", "nothing"),
    ],
)
async def test_a_forged_token_is_refused(emulator: OidcEmulator, forge: Forge) -> None:
    emulator.expect("code", ATTEMPT.verifier, forge(claims(emulator.issuer)))

    with pytest.raises(Unauthenticated):
        await provider(emulator.issuer).claims("code", ATTEMPT)


async def test_a_code_of_another_attempt_is_refused(emulator: OidcEmulator) -> None:
    emulator.expect("code", ATTEMPT.verifier, signed(claims(emulator.issuer)))

    with pytest.raises(Unauthenticated):
        await provider(emulator.issuer).claims("code", SignInAttempt.begin("/"))


@pytest.mark.parametrize(
    "path",
    ["/.well-known/openid-configuration", "/keys", "/token"],
    ids=["metadata", "keys", "token"],
)
async def test_a_provider_that_fails_signs_nobody_in_for_now(
    emulator: OidcEmulator, path: str
) -> None:
    emulator.expect("code", ATTEMPT.verifier, signed(claims(emulator.issuer)))
    emulator.broken.add(path)

    with pytest.raises(Unavailable):
        await provider(emulator.issuer).claims("code", ATTEMPT)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys"])
@pytest.mark.parametrize("document", [[], None, 7, "keys", {"keys": 7}], ids=str)
async def test_a_document_of_another_form_signs_nobody_in_for_now(
    emulator: OidcEmulator, path: str, document: object
) -> None:
    emulator.expect("code", ATTEMPT.verifier, signed(claims(emulator.issuer)))
    emulator.instead[path] = document

    with pytest.raises(Unavailable, match=r"valid|key set"):
        await provider(emulator.issuer).claims("code", ATTEMPT)


async def test_a_provider_that_calls_itself_otherwise_is_another(emulator: OidcEmulator) -> None:
    with pytest.raises(Unavailable, match="otherwise"):
        await provider(f"{emulator.issuer}/").authorization_url(ATTEMPT)


async def test_a_provider_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await provider(f"http://127.0.0.1:{free_port()}").authorization_url(ATTEMPT)

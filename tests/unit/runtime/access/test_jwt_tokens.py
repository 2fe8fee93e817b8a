"""Tokens of the app: what is signed by it for us is believed, for a quarter of an hour at most."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm
from pydantic import SecretStr, ValidationError

from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import Unauthenticated, Unavailable
from heliograph.contracts.id_generation import new_job_id
from heliograph.runtime.access.jwt_tokens import TokenVerifier
from heliograph.runtime.access.token_keys import KeySet, SharedSecret
from heliograph.runtime.settings import ServiceSettings

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
AT = NOW.timestamp()
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SECRET = "s" * 32
CLAIMS = {
    "iss": "https://app.example",
    "aud": "heliograph",
    "iat": AT,
    "exp": AT + 900,
    "project": "shop",
    "scopes": ["jobs:read"],
}


def key_set() -> KeySet:
    keys = KeySet("unread", "EdDSA")
    public = json.loads(OKPAlgorithm.to_jwk(KEY.public_key()))
    keys.read(json.dumps({"keys": [{**public, "kid": "one", "alg": "EdDSA"}]}))
    return keys


VERIFIER = TokenVerifier(
    key_set(), algorithm="EdDSA", issuer="https://app.example", audience="heliograph"
)


def token(key: Any = KEY, algorithm: str = "EdDSA", kid: str | None = "one", **claims: Any) -> str:
    payload = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": kid} if kid else {})


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in (header, CLAIMS)]
    return ".".join([part.rstrip("=") for part in parts] + [signature])


def signed_with_the_public_key() -> str:
    """What a verifier accepts that takes the algorithm from the token."""
    import hashlib
    import hmac

    text = unsigned({"alg": "HS256", "typ": "JWT", "kid": "one"}).rstrip(".")
    mac = hmac.new(PUBLIC, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def test_a_token_says_who_may_what_and_until_when() -> None:
    job = new_job_id()

    assert VERIFIER.verify(token(jobs=[job], user="ada"), NOW) == Principal(
        id="",
        scopes=frozenset({"jobs:read"}),
        projects=frozenset({"shop"}),
        jobs=frozenset({job}),
        user="ada",
        expires_at=datetime.fromtimestamp(AT + 900, UTC),
    )


def test_without_scopes_a_token_allows_nothing() -> None:
    assert VERIFIER.verify(token(scopes=None), NOW).scopes == frozenset()


def test_a_token_grants_only_what_end_users_may_have() -> None:
    principal = VERIFIER.verify(
        token(scopes=["admin", "keys:write", "internal", "jobs:write"]), NOW
    )

    assert principal.scopes == {"jobs:write"}


def test_the_only_key_needs_no_name() -> None:
    assert VERIFIER.verify(token(kid=None), NOW).sees("shop")


def test_the_clock_of_the_app_may_be_a_minute_ahead() -> None:
    assert VERIFIER.verify(token(iat=AT + 59, exp=AT + 900), NOW)


BAD: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "no token": lambda: "a.b",
    "garbage": lambda: "a.b.c",
    "not signed": lambda: unsigned({"alg": "none", "kid": "one"}),
    "not signed, in capitals": lambda: unsigned({"alg": "NONE", "kid": "one"}),
    "signature missing": lambda: token().rpartition(".")[0] + ".",
    "signature of another token": lambda: (
        f"{token(project='x').rpartition('.')[0]}.{token().rpartition('.')[2]}"
    ),
    "another algorithm, with the public key as secret": signed_with_the_public_key,
    "another algorithm": lambda: token(SECRET, "HS256"),
    "another key": lambda: token(OTHER),
    "unknown key id": lambda: token(kid="two"),
    "a path as key id": lambda: token(kid="../../dev/null"),
    "another issuer": lambda: token(iss="https://evil.example"),
    "no issuer": lambda: token(iss=None),
    "another audience": lambda: token(aud="another"),
    "no audience": lambda: token(aud=None),
    "no end": lambda: token(exp=None),
    "no time of issue": lambda: token(iat=None),
    "expired": lambda: token(iat=AT - 900, exp=AT),
    "too long": lambda: token(exp=AT + 901),
    "from the future": lambda: token(iat=AT + 61, exp=AT + 100),
    "ends before it begins": lambda: token(iat=AT + 50, exp=AT + 40),
    "endless": lambda: token(iat=float("-inf"), exp=float("inf")),
    "times in words": lambda: token(exp="tomorrow"),
    "no project": lambda: token(project=None),
    "all projects": lambda: token(project="*"),
    "several projects": lambda: token(project=["a", "b"]),
    "jobs that are none": lambda: token(jobs=["*"]),
    "too large": lambda: token(extra="x" * 9_000),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_anything_else_is_refused(make: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated):
        VERIFIER.verify(make(), NOW)


def test_a_shared_secret_verifies_tokens() -> None:
    keys = SharedSecret(SecretStr(SECRET))
    verifier = TokenVerifier(
        keys, algorithm="HS256", issuer="https://app.example", audience="heliograph"
    )

    assert verifier.verify(token(SECRET, "HS256"), NOW).sees("shop")
    with pytest.raises(Unauthenticated):
        verifier.verify(token("t" * 32, "HS256"), NOW)


def test_before_the_keys_are_known_nothing_is_decided() -> None:
    verifier = TokenVerifier(
        KeySet("unread", "EdDSA"),
        algorithm="EdDSA",
        issuer="https://app.example",
        audience="heliograph",
    )

    with pytest.raises(Unavailable):
        verifier.verify(token(), NOW)


def test_a_key_set_without_a_fitting_key_changes_nothing() -> None:
    keys = key_set()

    with pytest.raises(Unavailable, match="no key of the set is for EdDSA"):
        keys.read('{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one", "alg": "HS256"}]}')
    assert keys.of("one")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"jwt_algorithm": "EdDSA", "jwt_keys": "keys.json"}, "needs HELIOGRAPH_JWT_ISSUER"),
        ({"jwt_algorithm": "EdDSA", "jwt_issuer": "i"}, "needs HELIOGRAPH_JWT_KEYS"),
        ({"jwt_algorithm": "HS256", "jwt_issuer": "i"}, "needs HELIOGRAPH_JWT_SECRET"),
        (
            {"jwt_algorithm": "HS256", "jwt_issuer": "i", "jwt_secret": "short"},
            "32 characters or more",
        ),
        ({"jwt_algorithm": "none", "jwt_issuer": "i"}, "jwt_algorithm"),
    ],
)
def test_settings_that_verify_nothing_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ServiceSettings.model_validate(settings)

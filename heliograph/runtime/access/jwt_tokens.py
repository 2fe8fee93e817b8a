"""
Tokens of the app: short JWTs (RFC 7519) that its server makes for its end users, without asking us.

A token names its project and its scopes; none means that it allows nothing. Algorithm, issuer and
audience are fixed by the settings, and a token's own header chooses nothing but which of the known
keys signed it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol

import jwt
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from heliograph.contracts.authorization import Principal
from heliograph.contracts.errors import Unauthenticated
from heliograph.contracts.ids import JobId, ProjectName, UserName

MAX_LIFE = timedelta(minutes=15)
MAX_LENGTH = 8_192  #: characters of a token
LEEWAY = 60.0  #: seconds that the clock of the app's server may be wrong

#: what an end user may have; other scopes in a token are ignored
GRANTABLE = frozenset({"jobs:read", "jobs:write", "assets:read", "usage:read"})


class TokenKeys(Protocol):
    """Keys by which tokens are verified."""

    def of(self, key_id: str | None) -> Any:
        """
        The key of an id; without one, the only key there is.

        Raises:
            Unauthenticated: No key matches.
            Unavailable: The keys have not been read yet.
        """


class _Claims(BaseModel):
    """The claims that we read. Others are ignored."""

    iat: float
    exp: float
    project: ProjectName
    scopes: list[Annotated[str, StringConstraints(max_length=64)]] = Field(
        default_factory=list, max_length=32
    )
    jobs: list[JobId] | None = Field(default=None, max_length=300)
    user: UserName | None = None


class TokenVerifier:
    """Verifies tokens of one issuer, for one audience, by one algorithm."""

    def __init__(self, keys: TokenKeys, *, algorithm: str, issuer: str, audience: str) -> None:
        self._keys = keys
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience

    def verify(self, text: str, now: datetime) -> Principal:
        """
        The principal of a token.

        Raises:
            Unauthenticated: The token is malformed, forged or expired, or valid for more than 15 minutes.
            Unavailable: The keys have not been read yet.
        """
        try:
            claims = _Claims.model_validate(self._decoded(text))
        except (jwt.PyJWTError, ValidationError, ValueError, OverflowError):
            raise Unauthenticated from None
        _check_times(claims, now.timestamp())
        return Principal(
            id="",
            scopes=GRANTABLE.intersection(claims.scopes),
            projects=frozenset({claims.project}),
            jobs=None if claims.jobs is None else frozenset(claims.jobs),
            user=claims.user,
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
        )

    def _decoded(self, text: str) -> Mapping[str, Any]:
        """The claims of a token whose signature, issuer and audience are right."""
        if len(text) > MAX_LENGTH:
            raise Unauthenticated
        key_id = jwt.get_unverified_header(text).get("kid")
        options: Any = {
            "require": ["exp", "iat", "iss", "aud"],
            # by the server's clock, see `_check_times`
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        }
        key = self._keys.of(key_id)
        decoded: Mapping[str, Any] = jwt.decode(
            text,
            key,
            algorithms=[self._algorithm],
            options=options,
            issuer=self._issuer,
            audience=self._audience,
        )
        return decoded


def _check_times(claims: _Claims, now: float) -> None:
    """Raises Unauthenticated. Its issue may be a minute ahead of us; its end may not be past."""
    is_young = claims.iat <= now + LEEWAY
    is_short = 0 < claims.exp - claims.iat <= MAX_LIFE.total_seconds()
    if not (is_young and is_short and now < claims.exp):
        raise Unauthenticated

"""Settings of tokens: JWTs that an app makes for its end users. Without an algorithm, no token is accepted."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import BaseSettings

_MIN_SECRET = 32  #: characters; RFC 7518 asks for as many bytes as the digest has

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Optional = BeforeValidator(lambda value: None if value == "" else value)


class TokenSettings(BaseSettings):
    """Settings of token verification. A token cannot choose any of them."""

    jwt_algorithm: Annotated[Literal["EdDSA", "RS256", "HS256"] | None, Optional] = None
    jwt_issuer: Annotated[Name | None, Optional] = None  #: `iss` of every token
    jwt_audience: Name = "heliograph"  #: `aud` of every token
    #: JSON Web Key Set of EdDSA and RS256: a file, or an https address
    jwt_keys: Annotated[Name | None, Optional] = None
    jwt_secret: Annotated[SecretStr | None, Optional] = Field(default=None)  #: of HS256

    @model_validator(mode="after")
    def _tokens_can_be_verified(self) -> Self:
        if self.jwt_algorithm is None:
            return self
        if self.jwt_issuer is None:
            raise ValueError("HELIOGRAPH_JWT_ALGORITHM needs HELIOGRAPH_JWT_ISSUER")
        if self.jwt_algorithm != "HS256" and self.jwt_keys is None:
            raise ValueError(f"{self.jwt_algorithm} needs HELIOGRAPH_JWT_KEYS")
        if self.jwt_algorithm == "HS256" and len(self._secret) < _MIN_SECRET:
            raise ValueError(f"HS256 needs HELIOGRAPH_JWT_SECRET, {_MIN_SECRET} characters or more")
        return self

    @property
    def _secret(self) -> str:
        return self.jwt_secret.get_secret_value() if self.jwt_secret else ""

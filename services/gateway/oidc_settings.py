"""Settings of sign-in by OpenID Connect. Without an issuer, nobody can sign in that way."""

import json
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from heliograph.contracts.authorization import Scope
from heliograph.contracts.ids import ProjectName
from heliograph.runtime.authorities import is_loopback
from heliograph.runtime.token_settings import Name, Optional

ANYBODY_THERE = "*"  #: as a value of the claim: every person that the provider signs in


class OidcGrant(BaseModel):
    """Scopes and projects granted to a value of the claim."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scopes: list[Scope] = Field(min_length=1)
    projects: list[ProjectName] | None = Field(default=None, min_length=1)  #: null: all


def _parsed(value: Any) -> Any:
    """JSON of a variable; the text itself is never shown."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value or "{}")
    except ValueError:
        raise ValueError("not a JSON object") from None


class OidcSettings(BaseSettings):
    """Settings of sign-in at an identity provider, and its grants."""

    oidc_issuer: Annotated[Name | None, Optional] = None  #: https URL of the provider
    oidc_client_id: Annotated[Name | None, Optional] = None
    #: null: a public client; PKCE is used in any case
    oidc_client_secret: Annotated[SecretStr | None, Optional] = Field(default=None)
    oidc_scope: Name = "openid profile email"  #: what the provider is asked for
    #: the claim of an ID token that selects the grant; `a.b` is a member of a claim
    oidc_claim: Name = "groups"
    #: JSON: by values of that claim, `{"scopes": […], "projects": […]}`; the first that fits counts, and
    #: `*` matches every person that the provider signs in
    oidc_grants: Annotated[dict[str, OidcGrant], NoDecode, BeforeValidator(_parsed)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _people_can_sign_in(self) -> Self:
        if self.oidc_issuer is None:
            return self
        if not _is_issuer(self.oidc_issuer):
            raise ValueError("HELIOGRAPH_OIDC_ISSUER is an https URL; http on a loopback address")
        if self.oidc_client_id is None:
            raise ValueError("HELIOGRAPH_OIDC_ISSUER needs HELIOGRAPH_OIDC_CLIENT_ID")
        if not self.oidc_grants:
            raise ValueError("HELIOGRAPH_OIDC_ISSUER needs HELIOGRAPH_OIDC_GRANTS")
        return self


def _is_issuer(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    return is_safe and bool(host) and not parts.query and not parts.fragment

"""Settings of hosted providers: credentials, servers in their place, and hosts of results."""

import re
from typing import Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from heliograph.runtime.authorities import checked_host_pattern, is_loopback
from heliograph.runtime.setting_types import CommaList, Url

HOSTED_PROVIDERS = ("fal", "replicate", "gemini", "openai")

#: hosts of results by the providers' documentation: fal, Replicate, OpenAI's models that return URLs;
#: Gemini's come inside its responses
RESULT_HOSTS = (
    "*.fal.media",
    "replicate.delivery",
    "*.replicate.delivery",
    "oaidalleapiprodscus.blob.core.windows.net",
)

_PROXY = re.compile(r"https?://[^\s/?#]+/?")


class ProviderSettings(BaseSettings):
    """Credentials of providers. Without its own, the models of a provider are unavailable."""

    #: of fal, in its own variable
    fal_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("FAL_KEY", "fal_key")
    )
    fal_base_url: Url | None = None  #: a server in place of all of fal's hosts; null: fal itself
    #: of other providers, each in its own variable
    replicate_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("REPLICATE_API_TOKEN", "REPLICATE_API_KEY", "replicate_key"),
    )
    gemini_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("GEMINI_API_KEY", "GOOGLE_API_KEY", "gemini_key"),
    )
    #: optional for a server of one's own, see `openai_base_url`
    openai_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_key")
    )
    replicate_base_url: Url | None = None  #: a server in Replicate's place
    gemini_base_url: Url | None = None  #: a server in Gemini's place
    openai_base_url: Url | None = None  #: any OpenAI-compatible server, with its `/v1`
    #: hosted providers that have credentials, comma-separated, for a process that has none itself;
    #: null: those whose credentials are here
    configured_providers: CommaList | None = None

    #: hosts (with port) that results may be fetched from, beside the providers' own, in any network;
    #: of a `*.domain`, those on the internet; comma-separated
    provider_hosts: CommaList = Field(default_factory=list)
    #: hosts (with port) in our network whose references may be read for providers that cannot fetch
    #: them; comma-separated
    reference_hosts: CommaList = Field(default_factory=list)
    #: HTTP proxy through which results are fetched from hosts that no setting names; then the proxy
    #: decides which addresses are public, and we look at none. Null: none, whatever the environment says
    fetch_proxy: SecretStr | None = None

    @field_validator("provider_hosts", "reference_hosts")
    @classmethod
    def _are_host_patterns(cls, hosts: list[str]) -> list[str]:
        return [checked_host_pattern(host) for host in hosts]

    @field_validator("fetch_proxy")
    @classmethod
    def _is_proxy(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _PROXY.fullmatch(url.get_secret_value()):
            raise ValueError("not of the form http://<user>:<password>@<host>:<port>")
        return url

    @field_validator(
        "fetch_proxy",
        "fal_key",
        "fal_base_url",
        "replicate_key",
        "replicate_base_url",
        "gemini_key",
        "gemini_base_url",
        "openai_key",
        "openai_base_url",
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @property
    def usable_providers(self) -> list[str]:
        """Hosted ones that can be used here."""
        return [name for name in HOSTED_PROVIDERS if name not in self.unusable_providers]

    @property
    def unusable_providers(self) -> dict[str, str]:
        """Providers that cannot be used here, each with the reason."""
        keys = {
            "fal": (self.fal_key, "FAL_KEY is not set"),
            "replicate": (self.replicate_key, "REPLICATE_API_TOKEN is not set"),
            "gemini": (self.gemini_key, "GEMINI_API_KEY is not set"),
            "openai": (self.openai_key or self.openai_base_url, "OPENAI_API_KEY is not set"),
        }
        if self.configured_providers is not None:
            there = {name: name in self.configured_providers for name in keys}
        else:
            there = {name: bool(key) for name, (key, _) in keys.items()}
        return {name: reason for name, (_, reason) in keys.items() if not there[name]}

    @property
    def base_url_hosts(self) -> list[str]:
        """Hosts of servers in the place of hosted providers: their results are there, too."""
        bases = (self.fal_base_url, self.replicate_base_url, self.openai_base_url)
        return [place for base in bases if base for place in _places_of(base)]

    @property
    def fetch_proxy_url(self) -> str | None:
        """URL of the proxy for fetching. It may hold a password."""
        return self.fetch_proxy.get_secret_value() if self.fetch_proxy else None


def _places_of(url: str) -> list[str]:
    """A host and port, under all the names that this machine gives itself."""
    parts = urlsplit(url)
    if not is_loopback(parts.hostname or ""):
        return [parts.netloc]
    match = re.search(r":[^:\]]*$", parts.netloc)
    port = match[0] if match else ""
    return list(dict.fromkeys([parts.netloc, f"127.0.0.1{port}", f"localhost{port}"]))

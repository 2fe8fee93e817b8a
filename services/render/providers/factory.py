"""Provider factory: the adapters with credentials, and a stand-in that names the missing ones."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import structlog
from pydantic import SecretStr

from heliograph.contracts.models import Model
from services.render.providers import Provider
from services.render.providers.unconfigured import Unconfigured
from services.render.settings import RenderSettings

log = structlog.get_logger()


class HostedProvider(Provider, Protocol):
    """A provider with connections of its own."""

    async def aclose(self) -> None:
        """Close them."""


_Opener = Callable[[RenderSettings, Mapping[str, Model]], HostedProvider]


def create_providers(
    settings: RenderSettings, models: Mapping[str, Model]
) -> dict[str, HostedProvider]:
    """All providers by name. An unusable one does not affect the others."""
    openers: dict[str, tuple[_Opener, SecretStr | None]] = {
        "fal": (create_fal, settings.fal_key),
        "replicate": (create_replicate, settings.replicate_key),
        "gemini": (create_gemini, settings.gemini_key),
        "openai": (create_openai, settings.openai_key),
    }
    opened: dict[str, HostedProvider] = {}
    for name, (opener, key) in openers.items():
        if reason := settings.unusable_providers.get(name):
            opened[name] = Unconfigured(reason)
        else:
            opened[name] = _opened(name, partial(opener, settings, models), key)
    return opened


def unusable_among(hosted: Mapping[str, HostedProvider]) -> dict[str, str]:
    """Providers that cannot be used here, each with the reason."""
    return {name: each.reason for name, each in hosted.items() if isinstance(each, Unconfigured)}


def _opened(
    name: str, opener: Callable[[], HostedProvider], key: SecretStr | None
) -> HostedProvider:
    secret = key.get_secret_value() if key else ""
    if not _fits_a_header(secret):
        return _unusable(name, "its key has characters that cannot be sent")
    try:
        return opener()
    except Exception as error:  # noqa: BLE001  # a library may raise anything when it starts
        message = f"{type(error).__name__}: {error}"
        safe_message = message.replace(secret, "[key]") if secret else message
        return _unusable(name, f"its client cannot be started: {safe_message}")


def _unusable(name: str, reason: str) -> Unconfigured:
    log.error("Provider unusable", provider=name, reason=reason)
    return Unconfigured(reason)


def _fits_a_header(key: str) -> bool:
    """Any other key would appear in the error of its first use."""
    return key.isascii() and key.isprintable() and key == key.strip()


def create_fal(settings: RenderSettings, models: Mapping[str, Model]) -> HostedProvider:
    """fal, as configured; its client is only loaded if there is a key."""
    if settings.fal_key is None:
        return Unconfigured(settings.unusable_providers["fal"])
    from services.render.providers.fal import FalProvider
    from services.render.providers.fal.options import FalOptions

    options = FalOptions(
        base_url=settings.fal_base_url,
        priority=settings.fal_priority,
        start_timeout=settings.fal_start_timeout,
        lifetime=settings.fal_lifetime,
        upload_ttl=settings.fal_upload_ttl,
        fallback=settings.fal_fallback,
        poll_limit=settings.fal_poll_limit,
        public_url=settings.render_public_url,
    )
    return FalProvider(settings.fal_key.get_secret_value(), models, options)


def create_replicate(settings: RenderSettings, models: Mapping[str, Model]) -> HostedProvider:
    """Replicate, as configured."""
    if settings.replicate_key is None:
        return Unconfigured(settings.unusable_providers["replicate"])
    from services.render.providers.replicate import ReplicateProvider
    from services.render.providers.replicate.options import ReplicateOptions

    options = ReplicateOptions(
        base_url=settings.replicate_base_url, poll_limit=settings.replicate_poll_limit
    )
    return ReplicateProvider(
        settings.replicate_key.get_secret_value(),
        models,
        options,
    )


def create_gemini(settings: RenderSettings, models: Mapping[str, Model]) -> HostedProvider:
    """Gemini, as configured; its client is only loaded if there is a key."""
    if settings.gemini_key is None:
        return Unconfigured(settings.unusable_providers["gemini"])
    from services.render.providers.gemini import GeminiProvider
    from services.render.providers.gemini.options import GeminiOptions

    return GeminiProvider(
        settings.gemini_key.get_secret_value(),
        models,
        GeminiOptions(base_url=settings.gemini_base_url),
    )


def create_openai(settings: RenderSettings, models: Mapping[str, Model]) -> HostedProvider:
    """OpenAI, or the server in its place, which may need no key."""
    from services.render.providers.openai import OpenAIOptions, OpenAIProvider

    return OpenAIProvider(
        settings.openai_key.get_secret_value() if settings.openai_key else None,
        models,
        OpenAIOptions(base_url=settings.openai_base_url),
    )

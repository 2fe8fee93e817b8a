"""Which adapters this process has: those with credentials, and a word instead of the others."""

from typing import Protocol

from heliograph.contracts.registry import Registry
from services.render.providers import Provider
from services.render.providers.unconfigured import Unconfigured
from services.render.settings import RenderSettings


class HostedProvider(Provider, Protocol):
    """A provider with connections of its own."""

    async def aclose(self) -> None:
        """Close them."""


def open_hosted(settings: RenderSettings, registry: Registry) -> dict[str, HostedProvider]:
    """All of them, by name."""
    return {
        "fal": open_fal(settings, registry),
        "replicate": open_replicate(settings, registry),
        "gemini": open_gemini(settings, registry),
        "openai": open_openai(settings, registry),
    }


def open_fal(settings: RenderSettings, registry: Registry) -> HostedProvider:
    """fal, as the settings want it asked; its client is only loaded if there is a key."""
    if settings.fal_key is None:
        return Unconfigured(settings.unusable_providers["fal"])
    from services.render.providers.fal import FalOptions, FalProvider

    options = FalOptions(
        base_url=settings.fal_base_url,
        priority=settings.fal_priority,
        start_timeout=settings.fal_start_timeout,
        lifetime=settings.fal_lifetime,
        reference_life=settings.fal_reference_life,
        fallback=settings.fal_fallback,
        poll_limit=settings.fal_poll_limit,
        public_url=settings.render_public_url,
    )
    return FalProvider(settings.fal_key.get_secret_value(), registry.models, options)


def open_replicate(settings: RenderSettings, registry: Registry) -> HostedProvider:
    """Replicate, as the settings want it asked."""
    if settings.replicate_key is None:
        return Unconfigured(settings.unusable_providers["replicate"])
    from services.render.providers.replicate import ReplicateOptions, ReplicateProvider

    options = ReplicateOptions(
        base_url=settings.replicate_base_url, poll_limit=settings.replicate_poll_limit
    )
    return ReplicateProvider(
        settings.replicate_key.get_secret_value(),
        registry.models,
        options,
    )


def open_gemini(settings: RenderSettings, registry: Registry) -> HostedProvider:
    """Gemini, as the settings want it asked; its client is only loaded if there is a key."""
    if settings.gemini_key is None:
        return Unconfigured(settings.unusable_providers["gemini"])
    from services.render.providers.gemini import GeminiOptions, GeminiProvider

    return GeminiProvider(
        settings.gemini_key.get_secret_value(),
        registry.models,
        GeminiOptions(base_url=settings.gemini_base_url),
    )


def open_openai(settings: RenderSettings, registry: Registry) -> HostedProvider:
    """OpenAI, or the server in its place, which may want no key."""
    if reason := settings.unusable_providers.get("openai"):
        return Unconfigured(reason)
    from services.render.providers.openai import OpenAIOptions, OpenAIProvider

    return OpenAIProvider(
        settings.openai_key.get_secret_value() if settings.openai_key else None,
        registry.models,
        OpenAIOptions(base_url=settings.openai_base_url),
    )

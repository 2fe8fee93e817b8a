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
        fallback=settings.fal_fallback,
        poll_limit=settings.fal_poll_limit,
    )
    return FalProvider(settings.fal_key.get_secret_value(), registry.models, options)

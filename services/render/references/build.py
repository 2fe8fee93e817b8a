"""Builds the references: their upload cache, and the resolver over it."""

from collections.abc import Mapping
from dataclasses import dataclass

from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.presigned_urls import PresignedUrlCache
from services.render.providers import FileHost, Provider
from services.render.references.download import RemoteReferences
from services.render.references.resolver import ReferenceResolver
from services.render.references.upload_cache import BUCKET, ReferenceUploadCache
from services.render.settings import RenderSettings


@dataclass(frozen=True, kw_only=True)
class References:
    """Parts for references."""

    resolver: ReferenceResolver
    upload_cache: ReferenceUploadCache


def build_references(
    bus: NatsBus, settings: RenderSettings, providers: Mapping[str, Provider]
) -> References:
    """Wire the references of a render process."""
    upload_cache = ReferenceUploadCache(
        KeyValue(bus.jetstream, BUCKET),
        {name: each for name, each in providers.items() if isinstance(each, FileHost)},
        most=settings.reference_copies,
        claim=settings.reference_upload_lease,
        remote=RemoteReferences(settings.reference_hosts, proxy=settings.fetch_proxy_url),
    )
    urls = PresignedUrlCache(bus.request, timeout=settings.presign_timeout)
    resolver = ReferenceResolver(
        events=bus.events, request=bus.request, urls=urls, upload_cache=upload_cache
    )
    return References(resolver=resolver, upload_cache=upload_cache)

"""Builds the outputs: the ingest of rendered jobs, its consumer, and its dispatcher."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter

from heliograph.runtime.fetching.fetch_hosts import FetchHosts
from heliograph.runtime.provider_settings import RESULT_HOSTS
from heliograph.runtime.service import Service
from services.storage.media.images import ImageWorkers
from services.storage.outputs.download import OutputDownloader
from services.storage.outputs.fresh_outputs import renew_outputs
from services.storage.outputs.inline_results import InlineResults
from services.storage.outputs.inline_routes import inline_routes
from services.storage.outputs.job_ingest import JobIngest
from services.storage.outputs.output_ingest import OutputIngest
from services.storage.outputs.sources import Sources
from services.storage.outputs.store_dispatcher import StoreDispatcher
from services.storage.settings import StorageSettings
from services.storage.stores import ObjectStore
from services.storage.uploads.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Parts for the outputs of jobs."""

    ingest: JobIngest
    dispatcher: StoreDispatcher
    downloader: OutputDownloader
    routes: APIRouter


def build_outputs(
    service: Service[StorageSettings],
    store: ObjectStore,
    images: ImageWorkers,
    uploads: Uploads,
    folder: Path,
) -> Outputs:
    """Wire the outputs of a storage process. What is fetched lies in `folder` meanwhile."""
    bus, settings = service.bus, service.settings
    sim = urlsplit(settings.render_url).netloc
    own = [sim, *settings.base_url_hosts, *settings.provider_hosts]
    downloader = OutputDownloader(
        FetchHosts(own=own, public=RESULT_HOSTS),
        deadline=settings.download_deadline,
        proxy=settings.fetch_proxy_url,
    )
    inline_results = InlineResults(bus.events, store)
    sources = Sources(downloader, uploads, inline_results, deadline=settings.download_deadline)
    output_ingest = OutputIngest(
        store=store,
        sources=sources,
        image_workers=images,
        folder=folder,
        catalog=service.catalog,
        settings=settings,
    )
    ingest = JobIngest(
        events=bus.events,
        work=bus.work,
        notify=bus.notify,
        sources=sources,
        output_ingest=output_ingest,
        renew=partial(renew_outputs, bus.request),
        settings=settings,
        allows=bus.level.allows,
    )
    return Outputs(
        ingest=ingest,
        dispatcher=StoreDispatcher(bus, permits=settings.storage_concurrency),
        downloader=downloader,
        routes=inline_routes(inline_results, folder, settings),
    )

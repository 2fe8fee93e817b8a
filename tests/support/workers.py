"""A render worker's workbench on a real bus, with the sim as its provider."""

from heliograph.runtime.bus.kv import KeyValue
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.presigned_urls import PresignedUrlCache
from heliograph.runtime.settings import ServiceSettings
from services.render.providers.output_upload import OutputUploader
from services.render.providers.sim import SimProvider
from services.render.references.resolver import ReferenceResolver
from services.render.references.upload_cache import BUCKET, ReferenceUploadCache
from services.render.settings import RenderSettings
from services.render.worker.answer_spool import DiskSpool
from services.render.worker.context import Worker
from services.render.worker.progress import ProgressPublisher
from services.render.worker.request_index import StatusRequestIndex
from services.render.worker.wakeups import WakeUps
from tests.support.records import CATALOG


def a_worker(bus: NatsBus, settings: ServiceSettings) -> Worker:
    """As `create_app` would make it."""
    cache = ReferenceUploadCache(KeyValue(bus.jetstream, BUCKET), {}, most=10, claim=1)
    addresses = PresignedUrlCache(bus.jetstream, timeout=settings.presign_timeout)
    return Worker(
        events=bus.events,
        work=bus.work,
        accounts=bus.accounts,
        lanes=bus.lanes,
        providers={"sim": SimProvider(settings.folder.path, settings.render_url)},
        requests=StatusRequestIndex(bus.jetstream),
        spool=DiskSpool(settings.folder.folder("spool"), max_bytes=2**30),
        output_uploader=OutputUploader(settings.storage_url),
        references=ReferenceResolver(bus.events, bus.jetstream, addresses, cache),
        catalog=CATALOG,
        reporter=ProgressPublisher(bus.jetstream.notify, every=0.5),
        wakeups=WakeUps(),
        settings=RenderSettings(**settings.model_dump()),
    )

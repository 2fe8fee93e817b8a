"""A render worker's workbench on a real bus, with the sim as its provider."""

from heliograph.runtime.bus.kv import Bucket
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.presigned_urls import Addresses
from heliograph.runtime.settings import ServiceSettings
from services.render.providers.output_upload import UploadDoor
from services.render.providers.sim import SimProvider
from services.render.references.resolver import References
from services.render.references.upload_cache import BUCKET, Porter
from services.render.settings import RenderSettings
from services.render.worker.answer_spool import DiskSpool
from services.render.worker.context import Workbench
from services.render.worker.progress import Reporter
from services.render.worker.request_index import StatusRequestIndex
from services.render.worker.wakeups import Watch
from tests.support.records import REGISTRY


def a_bench(bus: NatsBus, settings: ServiceSettings) -> Workbench:
    """As `create_app` would make it."""
    porter = Porter(Bucket(bus.jetstream, BUCKET), {}, most=10, claim=1)
    addresses = Addresses(bus.jetstream, patience=settings.sign_patience)
    return Workbench(
        events=bus.events,
        work=bus.work,
        accounts=bus.accounts,
        lanes=bus.lanes,
        providers={"sim": SimProvider(settings.folder.path, settings.render_url)},
        requests=StatusRequestIndex(bus.jetstream),
        spool=DiskSpool(settings.folder.folder("spool"), max_bytes=2**30),
        inline_door=UploadDoor(settings.storage_url),
        references=References(bus.events, bus.jetstream, addresses, porter),
        registry=REGISTRY,
        reporter=Reporter(bus.jetstream.hint, every=0.5),
        watch=Watch(),
        settings=RenderSettings(**settings.model_dump()),
    )

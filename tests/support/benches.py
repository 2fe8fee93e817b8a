"""A render worker's workbench on a real bus, with the sim as its provider."""

from heliograph.runtime.bus.buckets import Bucket
from heliograph.runtime.bus.nats import NatsBus
from heliograph.runtime.presenting import Addresses
from heliograph.runtime.settings import ServiceSettings
from services.render.answer_spool import DiskSpool
from services.render.bringing import BUCKET, Porter
from services.render.providers.inlining import UploadDoor
from services.render.providers.sim import SimProvider
from services.render.references import References
from services.render.reporting import Reporter
from services.render.request_index import StatusRequestIndex
from services.render.settings import RenderSettings
from services.render.watching import Watch
from services.render.workbench import Workbench
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

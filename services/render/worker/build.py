"""Builds the worker, and what other processes can ask of it."""

from collections.abc import Mapping
from functools import partial

from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.budgets.marks import BudgetMarks, CachedBudgetMarks
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.job_metrics import expect_provider
from heliograph.runtime.bus.kv_cache import KvCache
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.service import Service
from services.render.providers import Provider
from services.render.providers.output_upload import OutputReceiver, OutputUploader
from services.render.references.resolver import ReferenceResolver
from services.render.settings import RenderSettings
from services.render.worker.context import Worker
from services.render.worker.disk_spool import DiskSpool
from services.render.worker.inline_outputs import recover_forever
from services.render.worker.lost_requests import serve_lookups
from services.render.worker.progress import ProgressPublisher
from services.render.worker.renewed_urls import serve_renewals
from services.render.worker.request_index import StatusRequestIndex
from services.render.worker.wakeups import WakeUps


def build_worker(
    bus: NatsBus,
    settings: RenderSettings,
    catalog: CurrentCatalog,
    providers: Mapping[str, Provider],
    references: ReferenceResolver,
    outputs: OutputReceiver,
    marks: BudgetMarks,
) -> Worker:
    """
    Wire the worker of a render process.

    Args:
        outputs: Where inline outputs are uploaded.
        marks: Which projects have a budget, that further attempts have to fit into.
    """
    for name in providers:
        expect_provider(name)
    committer = BudgetCommitter(bus.jetstream, BudgetLog(bus.jetstream))
    return Worker(
        events=BudgetedEventLog(bus.events, committer, marks),
        work=bus.work,
        accounts=bus.accounts,
        lanes=bus.lanes,
        providers=providers,
        requests=StatusRequestIndex(bus.request),
        spool=DiskSpool(settings.folder.folder("spool"), max_bytes=settings.spool_max_bytes),
        output_uploader=outputs,
        references=references,
        catalog=catalog,
        reporter=ProgressPublisher(bus.notify, every=settings.progress_interval),
        wakeups=WakeUps(),
        settings=settings,
        complete=committer.complete,
    )


def build_service_worker(
    service: Service[RenderSettings],
    providers: Mapping[str, Provider],
    references: ReferenceResolver,
) -> Worker:
    """Wire the worker of a service, with its own uploader and its own watch of budgets."""
    bus, settings = service.bus, service.settings
    uploader = OutputUploader(settings.storage_internal_base_url, service.credentials)
    projects = KvCache(bus.jetstream, "projects")
    marks = CachedBudgetMarks(projects, confirmed_within=settings.budget_confirmed_within)
    service.run(projects=projects.watch)
    service.close_last(uploader)
    return build_worker(bus, settings, service.catalog, providers, references, uploader, marks)


def serve_worker(service: Service[RenderSettings], worker: Worker) -> None:
    """Recover spooled responses, serve queries of other processes, and drain at the end."""
    service.on_open(partial(_listen, service.bus, worker))
    service.run(inline_outputs=partial(recover_forever, worker))
    service.on_drain(worker.drain)


async def _listen(bus: NatsBus, worker: Worker) -> None:
    """Hints about its jobs, look-ups of lost requests, and renewals of outputs."""
    await worker.wakeups.listen(bus.client)
    await serve_lookups(bus, worker)
    await serve_renewals(bus, worker)

"""Builds the worker, and what other processes can ask of it."""

from collections.abc import Mapping

from heliograph.runtime.budgets.budgeted_event_log import BudgetedEventLog
from heliograph.runtime.budgets.committer import BudgetCommitter
from heliograph.runtime.budgets.marks import BudgetMarks
from heliograph.runtime.bus.budget_log import BudgetLog
from heliograph.runtime.bus.job_metrics import expect_provider
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.catalog import CurrentCatalog
from services.render.providers import Provider
from services.render.providers.output_upload import OutputReceiver
from services.render.references.resolver import ReferenceResolver
from services.render.settings import RenderSettings
from services.render.worker.context import Worker
from services.render.worker.disk_spool import DiskSpool
from services.render.worker.lookup import serve_lookups
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
    return Worker(
        events=BudgetedEventLog(
            bus.events, BudgetCommitter(bus.jetstream, BudgetLog(bus.jetstream)), marks
        ),
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
    )


async def serve_worker(bus: NatsBus, worker: Worker) -> None:
    """Listen to hints about its jobs, look up lost requests, and renew outputs, from now on."""
    await worker.wakeups.listen(bus.client)
    await serve_lookups(bus, worker)
    await serve_renewals(bus, worker)

"""A render worker on a real bus, with the sim as its provider."""

from heliograph.runtime.budgets.marks import BudgetMarks
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.settings import ServiceSettings
from services.render.providers.output_upload import OutputUploader
from services.render.providers.sim import SimProvider
from services.render.references.build import build_references
from services.render.settings import RenderSettings
from services.render.worker.build import build_worker
from services.render.worker.context import Worker
from tests.support.budget_marks import Marks
from tests.support.records import CURRENT_CATALOG

_NO_BUDGETS = Marks(has_budget=False)


def a_worker(bus: NatsBus, settings: ServiceSettings, marks: BudgetMarks = _NO_BUDGETS) -> Worker:
    """As `create_app` makes it. By default no project has a budget."""
    render = RenderSettings(**settings.model_dump())
    sim = SimProvider(settings.folder.path, settings.render_url)
    references = build_references(bus, render, {})
    outputs = OutputUploader(settings.storage_url)
    providers = {"sim": sim}
    return build_worker(
        bus, render, CURRENT_CATALOG, providers, references.resolver, outputs, marks
    )

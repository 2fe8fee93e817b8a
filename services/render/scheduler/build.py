"""Builds the dispatcher, which every render process may become."""

from heliograph.runtime.service import Service
from services.render.scheduler.dispatcher import Dispatcher
from services.render.settings import RenderSettings


def run_dispatcher(service: Service[RenderSettings]) -> None:
    """Watch what limits lanes and accounts, and, with HELIOGRAPH_DISPATCH, take turns as the dispatcher."""
    bus = service.bus
    service.run(lanes=bus.lanes.watch, accounts=bus.accounts.watch)
    if service.settings.dispatch:
        dispatcher = Dispatcher(bus, service.catalog.current, service.settings)
        service.run(dispatcher=dispatcher.run)

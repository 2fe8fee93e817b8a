"""Builds the live streams: the hub, and how clients subscribe to it."""

from dataclasses import dataclass

from fastapi import APIRouter

from heliograph.contracts.live_frames import Subscribe
from heliograph.runtime.access.tickets import TicketStore
from heliograph.runtime.job_view import create_presenter
from heliograph.runtime.service import Service
from services.status.live.client_limits import ClientLimits
from services.status.live.hub import Hub
from services.status.live.metrics import export_connections
from services.status.live.replay_turns import ReplayTurns
from services.status.live.send_queue import SendQueue, SendQueueMemory
from services.status.live.sse import sse_routes
from services.status.live.subscription import Subscription
from services.status.live.subscription_limits import SubscriptionLimits
from services.status.live.websocket import live_routes
from services.status.read_model import ReadModel
from services.status.settings import StatusSettings


@dataclass(frozen=True, kw_only=True)
class Live:
    """Parts for live clients."""

    hub: Hub
    routes: list[APIRouter]


def build_live(service: Service[StatusSettings], read_model: ReadModel) -> Live:
    """Wire the live streams of a status process."""
    settings = service.settings
    presenter = create_presenter(settings, service.bus.request)
    hub = Hub(service.bus, presenter, buffer_bytes=settings.event_buffer_bytes)
    subscription_limits = SubscriptionLimits(
        replay_limit=settings.replay_limit,
        final_for=settings.snapshot_keeps_finished_for,
        timeout=settings.live_subscribe_timeout,
        turns=ReplayTurns(settings.snapshots_at_once),
    )
    memory = SendQueueMemory(settings.send_queue_bytes)
    client_limits = ClientLimits.of(
        connections=settings.max_live,
        streams=settings.max_streams,
        subscriptions=settings.max_subscriptions,
    )
    export_connections(client_limits)

    def subscribe(request: Subscribe, queue: SendQueue) -> Subscription:
        return Subscription(request, hub, read_model, presenter, queue, subscription_limits)

    tickets = TicketStore(service.bus.jetstream, service.access.confirm)
    routes = [
        live_routes(subscribe, client_limits, memory, tickets.redeem),
        sse_routes(subscribe, client_limits, memory),
    ]
    return Live(hub=hub, routes=routes)

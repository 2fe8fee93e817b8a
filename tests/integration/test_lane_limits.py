"""A change of a lane is shown by every gateway as soon as its request was answered."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from heliograph.contracts.limits import ChangeAccount, ChangeLane
from heliograph.contracts.queries.scheduler import LaneState, LaneStates, ListLanes
from heliograph.runtime.bus.nats_bus import NatsBus
from services.gateway.limits.lanes_accounts import LimitAdmin
from tests.support.records import CATALOG, CURRENT_CATALOG
from tests.support.servers import Server

LANE = "video"


@pytest.fixture
async def _behind(bus: NatsBus) -> AsyncIterator[None]:
    """A dispatcher that has heard of no change yet."""
    known = [
        LaneState(name=n, cap=lane.cap, in_use=0, waiting=0) for n, lane in CATALOG.lanes.items()
    ]

    async def lane_states(_: ListLanes) -> LaneStates:
        return LaneStates(lanes=known)

    listening = await bus.serve(ListLanes, lane_states)
    yield
    await listening.unsubscribe()
    await bus.lanes.change(LANE, ChangeLane(reset=True))


def _gateway(bus: NatsBus) -> LimitAdmin:
    return LimitAdmin(
        request=bus.request,
        notify=bus.notify,
        catalog=CURRENT_CATALOG,
        lane_limits=bus.lanes,
        permits=bus.accounts,
    )


@pytest.mark.usefixtures("_behind")
async def test_every_gateway_shows_a_change_as_soon_as_it_was_answered(
    bus: NatsBus, nats: Server
) -> None:
    other = NatsBus(nats.settings, CURRENT_CATALOG, "other")
    await other.open()
    watching = asyncio.create_task(other.lanes.watch())  # even where it is known by heart
    gateways = [_gateway(bus), _gateway(other)]
    try:
        for n in range(20):
            change = ChangeLane(cap=30 + n, paused=n % 3 == 0)

            shown = await gateways[n % 2].change_lane(LANE, change)

            seen = [shown, *[s for g in gateways for s in await g.lanes() if s.name == LANE]]
            assert {(each.cap, each.paused) for each in seen} == {(change.cap, change.paused)}
    finally:
        watching.cancel()
        await other.close()


async def test_an_account_whose_cap_is_taken_back_is_as_the_catalog_has_it(bus: NatsBus) -> None:
    limits = _gateway(bus)
    before = next(each for each in await limits.accounts() if each.name == "fal")

    changed = await limits.change_account("fal", ChangeAccount(cap=3))
    reset = await limits.change_account("fal", ChangeAccount(reset=True))

    assert changed.cap == 3
    assert reset == before

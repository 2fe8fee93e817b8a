"""An upgrade and a roll-back while clients submit: no request fails for good, no job is lost or paid twice."""

import asyncio

from heliograph.contracts.sim import read_ledger
from tests.upgrade.load import Load
from tests.upgrade.releases import BESIDE, TODAY, Deployment, Place, Release

UPGRADE = ("storage", "gateway", "render", "status")
ROLL_BACK = tuple(reversed(UPGRADE))


async def test_clients_notice_neither_an_upgrade_nor_a_roll_back(
    deployment: Deployment, baseline: Release
) -> None:
    for place in deployment.places:
        deployment.start(place, baseline)
    deployment.until_ready(*deployment.places)
    load = Load([deployment.url("gateway", number) for number in range(BESIDE)])
    steps = [(service, TODAY) for service in UPGRADE]
    steps += [(service, baseline) for service in ROLL_BACK]

    during: list[int] = []  # jobs that were accepted while a process was replaced
    async with load.applied():
        for service, release in steps:
            for number in range(BESIDE):
                before = len(load.ends)
                await asyncio.to_thread(deployment.replace, Place(service, number), release)
                during.append(len(load.ends) - before)

    assert load.failed == []
    assert min(during) > 0
    assert set(load.ends.values()) == {"succeeded"}
    assert sorted(r.job for r in read_ledger(deployment.home)) == sorted(load.ends)

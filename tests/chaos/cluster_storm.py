"""`make chaos-cluster`: a storm over three NATS servers, which die as well, MinIO and PostgreSQL."""

import asyncio
import gc
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.processes import s3_server
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervisor
from tests.chaos.faults import Fault, Sort
from tests.chaos.invariant_checker import judge
from tests.chaos.long_storm import KINDS, PROCESSES, SETTINGS
from tests.chaos.storm import FaultPlan, Storm
from tests.support.records import CATALOG
from tests.support.servers.cluster import SIZE, cluster_processes, cluster_url
from tests.support.servers.ports import free_port
from tests.support.servers.postgres import Postgres
from tests.support.servers.programs import minio_server
from tests.support.servers.settings import ServerSettings
from tests.support.stack import Stack

pytestmark = [
    # nats-py forgets a connection that a server of a cluster closes while it connects
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:loop is closed:ResourceWarning"),
]

CLUSTERED = SETTINGS | {"HELIOGRAPH_NATS_REPLICAS": str(SIZE)}
SERVERS = tuple(f"nats-{number}" for number in range(SIZE))

#: what goes wrong, and to whom
FAULTS: list[tuple[Sort, tuple[str, ...], int]] = [
    ("kill", SERVERS, 5),
    ("freeze", SERVERS, 1),
    ("kill", (*PROCESSES, "s3"), 1),
    ("freeze", PROCESSES, 1),
    ("roll", ("all",), 1),
    ("garbage", ("any",), 4),
]


@asynccontextmanager
async def stack_on_servers(
    home: Path, settings: dict[str, str], minio: Path | None
) -> AsyncIterator[Stack]:
    """All of Heliograph on three NATS servers and a store, each kept running from here."""
    stack = Stack(home, settings)
    ports = [stack.ports["nats"], *(free_port() for _ in range(SIZE - 1))]
    members = [LocalSettings(home=home, nats_port=port) for port in ports]
    store = LocalSettings(
        home=home, s3_port=stack.ports["s3"], s3_internal_port=stack.ports["s3_internal"]
    )
    s3 = minio_server(minio)(store) if minio else s3_server(store)
    async with AsyncExitStack() as until_end:
        for process in [*cluster_processes([*members]), s3]:
            await until_end.enter_async_context(Supervisor([process], store, quiet=True))
        stack.environment["HELIOGRAPH_NATS_URL"] = cluster_url([*members])
        stack.environment["HELIOGRAPH_S3_ENDPOINT"] = store.s3
        # in threads: the servers live in this loop
        until_end.push_async_callback(asyncio.to_thread, stack.stop)
        await asyncio.to_thread(stack.start)
        yield stack


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """Address of an empty database for the read model."""
    with postgres.database(owned=True) as url:
        yield url


@pytest.mark.timeout(1200)
async def test_all_that_is_promised_holds_while_servers_of_the_cluster_die(
    tmp_path: Path, database: str
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}")  # noqa: T201  # how to have a storm like this again
    faults = [Fault(s, target) for s, targets, n in FAULTS for target in targets for _ in range(n)]
    plan = FaultPlan(
        seed=seed,
        jobs=int(os.environ.get("CHAOS_JOBS") or 800),
        projects=6,
        watchers=12,
        faults=faults,
        pause=(2.5, 6.5),
        kinds=KINDS,
        converge=90.0,
        flood=200,
    )

    settings = CLUSTERED | {"HELIOGRAPH_DATABASE_URL": database}
    async with stack_on_servers(tmp_path / "home", settings, ServerSettings().minio) as stack:
        storm = Storm(stack, plan)
        await storm.rage()
        verdict = await judge(stack, storm.journal, CATALOG, [])

    gc.collect()  # what nats-py forgot is collected while its warnings are expected
    sorts = dict(Counter(fault.split()[0] for fault in storm.journal.faults))
    verdict.figures |= {"faults": sorts, "converged": round(storm.converged, 1)}
    print(verdict.summary())  # noqa: T201
    print(verdict.figures)  # noqa: T201
    assert verdict.wrong == {}, f"CHAOS_SEED={seed}"
    assert len(storm.journal.faults) == len(faults) >= 40
    assert storm.journal.reconnects >= plan.watchers

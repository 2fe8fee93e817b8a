"""A cluster of three NATS servers on this machine, any of which a test may kill."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local.processes import NotInstalled, Process, nats_server
from heliograph.runtime.settings import ServiceSettings
from tests.support.servers.ports import free_port
from tests.support.servers.programs import Program
from tests.support.servers.server import EVENTS_MAX_BYTES, missing

SIZE = 3


@dataclass(frozen=True)
class Cluster:
    """The settings name all servers; each has a copy of each stream."""

    settings: ServiceSettings
    servers: list[Program]


@contextmanager
def nats_cluster(home: Path) -> Iterator[Cluster]:
    """Three servers with empty stores."""
    members = [ServiceSettings(home=home, nats_port=free_port()) for _ in range(SIZE)]
    with ExitStack() as until_end:
        servers = list(map(Program, members, cluster_processes(members)))
        for server in servers:
            until_end.callback(server.kill)
            server.start()
        settings = ServiceSettings(
            home=home,
            nats_url=cluster_url(members),
            nats_replicas=SIZE,
            events_max_bytes=EVENTS_MAX_BYTES,
        )
        yield Cluster(settings, servers)


def cluster_url(members: list[ServiceSettings]) -> str:
    """Every server, with the credentials of a service."""
    return ",".join(settings.nats_login for settings in members)


def cluster_processes(members: list[ServiceSettings]) -> list[Process]:
    """The bundled server once for each member, with a name, a store, and routes to the others."""
    ports = [free_port() for _ in members]
    routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports)
    try:
        alone = [nats_server(settings) for settings in members]
    except NotInstalled as error:
        missing(str(error))
    return [
        replace(
            process,
            name=f"nats-{number}",
            command=[
                *process.command,
                *("--name", f"n{number}"),
                *("--store_dir", str(settings.folder.folder(f"nats-{number}"))),
                *("--cluster_name", "heliograph"),
                *("--cluster", f"nats://127.0.0.1:{port}"),
                *("--routes", routes),
            ],
        )
        for number, (process, settings, port) in enumerate(zip(alone, members, ports, strict=True))
    ]

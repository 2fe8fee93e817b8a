"""
Real servers for tests: NATS, an S3 store and PostgreSQL, on free ports, gone when the tests are.

Which ones, the first that there is: those whose addresses are given; for S3, the MinIO program that
is named; containers, where a Docker daemon answers and has the image or can pull it; the bundled
programs. `settings` says how to choose, and the end of a test run what was chosen, and why.
"""

from tests.support.servers.ports import free_port, free_row
from tests.support.servers.postgres import Postgres
from tests.support.servers.programs import Program
from tests.support.servers.server import Server
from tests.support.servers.server_choice import (
    choices,
    nats_running,
    outside_servers,
    s3_running,
    shared_nats,
    shared_postgres,
    shared_s3,
)

__all__ = [
    "Postgres",
    "Program",
    "Server",
    "choices",
    "free_port",
    "free_row",
    "nats_running",
    "outside_servers",
    "s3_running",
    "shared_nats",
    "shared_postgres",
    "shared_s3",
]

"""One running Heliograph for all of these tests; projects keep them apart."""

from collections.abc import AsyncIterator, Iterator

import pytest

from heliograph.client import Client
from tests.support.servers import outside_servers
from tests.support.stack import Stack, stack_running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    servers, home = tmp_path_factory.mktemp("servers"), tmp_path_factory.mktemp("home")
    with outside_servers(servers) as settings, stack_running(home, settings) as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack, project: str) -> AsyncIterator[Client]:
    async with stack.client(project) as client:
        yield client

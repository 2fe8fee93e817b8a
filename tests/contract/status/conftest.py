"""Read models in every database that can hold one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from services.status.read_model.sql import SqlReadModel
from tests.support.servers import Postgres

DATABASES = ("sqlite", "postgres")


def an_empty_one(request: pytest.FixtureRequest, folder: Path) -> AbstractContextManager[str]:
    if request.param == "sqlite":
        return nullcontext(f"sqlite+aiosqlite:///{folder}/status.sqlite")
    server: Postgres = request.getfixturevalue("postgres")
    return server.schema()


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, by its address."""
    with an_empty_one(request, tmp_path) as url:
        yield url


@pytest.fixture(scope="module", params=DATABASES)
def shared_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The same for all tests of a module that only look."""
    with an_empty_one(request, tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture
async def read_model(database: str) -> AsyncIterator[SqlReadModel]:
    """A ledger that follows epoch `one`, and has heard of nothing yet."""
    read_model = SqlReadModel(database)
    await read_model.prepare()
    await read_model.open("one")
    yield read_model
    await read_model.aclose()


@pytest.fixture
async def another(read_model: SqlReadModel, database: str) -> AsyncIterator[SqlReadModel]:
    """What another process has: its own connections to the same database."""
    another = SqlReadModel(database)
    yield another
    await another.aclose()

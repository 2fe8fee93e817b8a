"""Transactions of the read model in SQL, with errors of the database translated once."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from heliograph.contracts.errors import Unavailable
from services.status.read_model.connection import Database
from services.status.read_model.database_errors import cause_of

T = TypeVar("T")


class SqlSession:
    """One database. `url` is SQLAlchemy's, with an async driver; raises UnsupportedDatabase."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    async def aclose(self) -> None:
        await self._database.aclose()

    async def check(self) -> None:
        async with self._transaction() as connection:
            await connection.execute(select(1))

    async def _ids(self, statement: Select[Any]) -> list[str]:
        async with self._transaction() as connection:
            return [str(each) for each in await connection.scalars(statement)]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        with _translated():
            async with self._database.engine.begin() as connection:
                yield connection

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        with _translated():
            return await self._database.transact(work)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"the database does not answer: {cause_of(error)}") from error

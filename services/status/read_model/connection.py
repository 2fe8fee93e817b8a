"""Connection to a supported database: SQLite or PostgreSQL."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.status.read_model.database_urls import (
    DATABASES,
    UnsupportedDatabase,
    parse_database_url,
)

#: Without these, a connection that a host or firewall dropped goes unnoticed for minutes.
_WATCHED = {
    "TCP_KEEPIDLE": 10,  # seconds of silence until the other side is asked whether it is there
    "TCP_KEEPINTVL": 5,  # seconds until it is asked again
    "TCP_KEEPCNT": 3,  # questions
    "TCP_USER_TIMEOUT": 25_000,  # milliseconds for it to receive what was sent
}

_TURN = text("SELECT pg_advisory_xact_lock(hashtext('heliograph'))")


T = TypeVar("T")


class Database:
    """
    A database that connects at its first use.

    Raises:
        UnsupportedDatabase: The operator must change the setting or install the driver.
    """

    def __init__(self, url: str) -> None:
        parsed = parse_database_url(url)
        kind = DATABASES[parsed.drivername]
        try:
            self.engine = create_async_engine(
                parsed, pool_pre_ping=True, connect_args=kind.arguments
            )
        except ModuleNotFoundError as error:
            reason = f"needs {error.name}, which is not installed: add the extra `postgres`"
            raise UnsupportedDatabase(reason) from error
        greet = _greeting(kind.greeting)
        event.listen(self.engine.sync_engine, "connect", greet)
        self._blocking: Engine | None = None  #: SQLite, as a thread uses it
        if kind.is_local:
            self._blocking = create_engine(parsed.set(drivername="sqlite"))
            event.listen(self._blocking, "connect", greet)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """
        Carry out a function in one transaction. With SQLite one thread does all of it: the async
        driver goes to its own and back for every call.
        """
        if self._blocking is not None:
            return await asyncio.to_thread(_transact, self._blocking, work)
        async with self.engine.begin() as connection:
            return await connection.run_sync(work)

    async def aclose(self) -> None:
        await self.engine.dispose()
        if self._blocking is not None:
            self._blocking.dispose()


def _transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _greeting(statements: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def greet(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
        driver = getattr(connection, "driver_connection", None)
        if transport := getattr(driver, "_transport", None):
            _watch(transport.get_extra_info("socket"))

    return greet


def _watch(connected: socket.socket) -> None:
    """Let the kernel end dead connections (TCP keep-alive)."""
    if connected.family == socket.AF_UNIX:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _WATCHED.items():
        if option := getattr(socket, name, None):  # not every system has them all
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


async def advisory_lock(connection: AsyncConnection) -> None:
    """Let one process at a time change the tables; SQLite needs no lock."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_TURN)

"""Connection to a supported database: SQLite or PostgreSQL."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from heliograph.contracts.errors import Unavailable
from heliograph.runtime.startup import StartupError


class UnsupportedDatabase(StartupError):
    """The read model cannot be in that database; the message says what to change."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"HELIOGRAPH_DATABASE_URL {reason}")


@dataclass(frozen=True)
class _Kind:
    """Settings of one kind of database."""

    greeting: tuple[str, ...]  #: statements that begin each connection
    arguments: dict[str, Any] = field(default_factory=dict)  #: of the driver
    is_local: bool = False  #: a file, and no server


_KINDS = {
    "sqlite+aiosqlite": _Kind(
        (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "PRAGMA busy_timeout=5000",
            "PRAGMA foreign_keys=ON",
        ),
        is_local=True,
    ),
    "postgresql+asyncpg": _Kind(
        (
            "SET plan_cache_mode = force_custom_plan",  # a rare word is not found like a common one
            "SET jit = off",  # compiling takes longer than any of our statements
        ),
        {"timeout": 10, "command_timeout": 300},  # seconds to connect, and for a statement
    ),
}
_FORMS = "sqlite+aiosqlite:///<file> or postgresql+asyncpg://<user>:<password>@<host>/<database>"

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
        UnsupportedDatabase: The operator changes the setting, or installs the driver.
    """

    def __init__(self, url: str) -> None:
        parsed = _parsed(url)
        kind = _KINDS[parsed.drivername]
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


def _parsed(url: str) -> URL:
    """Errors show nothing of it: there may be a password in it."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UnsupportedDatabase(f"is not a valid URL: it has to be {_FORMS}") from None
    if parsed.drivername not in _KINDS:
        raise UnsupportedDatabase(f"has to be {_FORMS}")
    if "sslmode" in parsed.query:
        raise UnsupportedDatabase("has to say `ssl=` instead of `sslmode=`")
    return parsed


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
    """Have the kernel end a connection over which nothing comes any more."""
    if connected.family == socket.AF_UNIX:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _WATCHED.items():
        if option := getattr(socket, name, None):  # not every system has them all
            connected.setsockopt(socket.IPPROTO_TCP, option, value)


async def advisory_lock(connection: AsyncConnection) -> None:
    """Let one process at a time change the tables; SQLite sees to that by itself."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_TURN)


def cause_of(error: Exception) -> str:
    """The driver's error code; its text may contain user data."""
    own = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else None
    return type(own or error).__name__


_OF_VALUES = ("22", "54")  #: classes of SQLSTATE: data exceptions, and limits of the program
_NO_VALUES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)


def is_about_values(error: Exception) -> bool:
    """Whether the same values could never be written, however well the database is."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    if not isinstance(cause, DBAPIError):
        return isinstance(cause, (StatementError, *_NO_VALUES))
    driver = (cause.orig.__cause__ or cause.orig) if cause.orig else None
    state = str(getattr(driver, "sqlstate", None) or "")
    known = isinstance(cause, DataError | IntegrityError) or isinstance(driver, _NO_VALUES)
    return known or state.startswith(_OF_VALUES)

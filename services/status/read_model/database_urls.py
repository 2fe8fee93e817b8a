"""URLs of databases, and what each kind of database needs."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from heliograph.runtime.startup import StartupError


class UnsupportedDatabase(StartupError):
    """The read model cannot use the database; the message has the required change."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"HELIOGRAPH_DATABASE_URL {reason}")


@dataclass(frozen=True)
class DatabaseKind:
    """Settings of one kind of database."""

    greeting: tuple[str, ...]  #: statements that begin each connection
    arguments: dict[str, Any] = field(default_factory=dict)  #: of the driver
    is_local: bool = False  #: a file, and no server


DATABASES = {
    "sqlite+aiosqlite": DatabaseKind(
        (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=NORMAL",
            "PRAGMA busy_timeout=5000",
            "PRAGMA foreign_keys=ON",
        ),
        is_local=True,
    ),
    "postgresql+asyncpg": DatabaseKind(
        (
            "SET plan_cache_mode = force_custom_plan",  # a rare word is not found like a common one
            "SET jit = off",  # compiling takes longer than any of our statements
        ),
        {"timeout": 10, "command_timeout": 300},  # seconds to connect, and for a statement
    ),
}
_FORMS = "sqlite+aiosqlite:///<file> or postgresql+asyncpg://<user>:<password>@<host>/<database>"


def parse_database_url(url: str) -> URL:
    """Errors never show the URL, because it may contain a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UnsupportedDatabase(f"is not a valid URL: it has to be {_FORMS}") from None
    if parsed.drivername not in DATABASES:
        raise UnsupportedDatabase(f"has to be {_FORMS}")
    if "sslmode" in parsed.query:
        raise UnsupportedDatabase("has to say `ssl=` instead of `sslmode=`")
    return parsed

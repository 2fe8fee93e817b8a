"""
Search index: prompts by trigrams.

Prompts and what is searched for are `folded`, so that every database compares them alike. The index of
SQLite (FTS5) stands beside the table and names its rows; that of PostgreSQL (pg_trgm) is one of the
table's own, and taken where it helps.
"""

from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, literal_column, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.status.read_model.column_types import folded
from services.status.read_model.counts import count
from services.status.read_model.database_errors import cause_of
from services.status.read_model.tables import jobs

log = structlog.get_logger()

_MIN_LENGTH = 3  #: characters the index can find
_MAX_COUNTED = (
    5_000  #: hits; beyond, the newest jobs are looked through, as some of them will match
)

_BESIDE = """
    CREATE VIRTUAL TABLE IF NOT EXISTS prompts
        USING fts5(prompt, content='', tokenize='trigram case_sensitive 1')
"""
_FEED = """
    CREATE TRIGGER IF NOT EXISTS index_prompt AFTER INSERT ON jobs BEGIN
        INSERT INTO prompts(rowid, prompt) VALUES (new.number, new.prompt);
    END
"""
_TRIGRAMS = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
_INSIDE = "CREATE INDEX IF NOT EXISTS jobs_by_prompt ON jobs USING gin (prompt gin_trgm_ops)"

_hits: Select[tuple[int]] = (
    select(literal_column("rowid"))
    .select_from(table("prompts"))
    .where(text("prompts MATCH :phrase"))
)


def _is_beside(connection: AsyncConnection) -> bool:
    """Whether the index is no part of the table."""
    return connection.dialect.name == "sqlite"


async def create_index(connection: AsyncConnection) -> None:
    """Create the index of prompts. Without it, a search scans all prompts."""
    if _is_beside(connection):
        await _execute(connection, _BESIDE, _FEED)
        return
    try:
        async with connection.begin_nested():
            await _execute(connection, _TRIGRAMS, _INSIDE)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        log.warning("Prompt index not created: pg_trgm is missing", reason=cause_of(error))


async def drop_index(connection: AsyncConnection) -> None:
    await _execute(connection, "DROP TABLE IF EXISTS prompts")


async def clear_index(connection: AsyncConnection) -> None:
    """Do nothing: the index is part of the table."""
    if _is_beside(connection):
        await _execute(connection, "INSERT INTO prompts(prompts) VALUES ('delete-all')")


async def prompt_contains(connection: AsyncConnection, phrase: str) -> ColumnElement[bool]:
    """The condition that a job's prompt contains a text, however it is capitalised."""
    phrase = folded(phrase)
    if _is_beside(connection) and len(phrase) >= _MIN_LENGTH:
        hits = _hits.params(phrase=_quoted(phrase))
        if await count(connection, hits, up_to=_MAX_COUNTED + 1) <= _MAX_COUNTED:
            return jobs.c.number.in_(hits)
    return jobs.c.prompt.contains(phrase, autoescape=True)


async def _execute(connection: AsyncConnection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(text(statement))


def _quoted(phrase: str) -> Any:
    return '"' + phrase.replace('"', '""') + '"'

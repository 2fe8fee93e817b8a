"""
Text in prompts, found by an index of all runs of three characters (FTS5 of SQLite).

The index holds no text of its own: it names rows of `jobs`. Other databases look through the rows.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.status.ledgers.tables import jobs

_SHORTEST = 3  #: characters the index can find
_MANY = 5_000  #: hits; beyond, the newest jobs are looked through, as some of them will match

_CREATE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS prompts USING fts5(prompt, content='', tokenize=trigram)"
)
_FEED = """
    CREATE TRIGGER IF NOT EXISTS index_prompt AFTER INSERT ON jobs BEGIN
        INSERT INTO prompts(rowid, prompt) VALUES (new.number, new.prompt);
    END
"""

_hits: Select[tuple[int]] = (
    select(literal_column("rowid"))
    .select_from(table("prompts"))
    .where(text("prompts MATCH :phrase"))
)


def has_index(connection: AsyncConnection) -> bool:
    """Whether the database has one."""
    return connection.dialect.name == "sqlite"


async def create_index(connection: AsyncConnection) -> None:
    """From now on, the prompt of every new row is in the index."""
    for statement in (_CREATE, _FEED):
        await connection.execute(text(statement))


async def drop_index(connection: AsyncConnection) -> None:
    await connection.execute(text("DROP TABLE IF EXISTS prompts"))


async def clear_index(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO prompts(prompts) VALUES ('delete-all')"))


async def containing(connection: AsyncConnection, phrase: str) -> ColumnElement[bool]:
    """The condition that a job's prompt contains a text, however it is capitalised."""
    if has_index(connection) and len(phrase) >= _SHORTEST:
        found = _hits.params(phrase=_quoted(phrase))
        few = select(func.count()).select_from(found.limit(_MANY + 1).subquery())
        if (await connection.scalar(few) or 0) <= _MANY:
            return jobs.c.number.in_(found)
    return jobs.c.prompt.icontains(phrase, autoescape=True)


def _quoted(phrase: str) -> Any:
    return '"' + phrase.replace('"', '""') + '"'

"""The read model is in SQLite or in PostgreSQL, and it is said at once where it cannot be."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries.jobs import ListJobs
from heliograph.contracts.records import Record
from services.status.read_model.connection import Database
from services.status.read_model.database_urls import UnsupportedDatabase
from services.status.read_model.rows import Row
from services.status.read_model.sql import SqlReadModel
from services.status.settings import StatusSettings
from tests.support.records import a_record
from tests.support.servers import Postgres

only_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)


async def take_in(read_model: SqlReadModel, *records: Record) -> None:
    cursor = await read_model.open("one")
    rows = [Row(cursor + n, record) for n, record in enumerate(records, start=1)]
    await read_model.apply(rows, cursor, cursor + len(rows))


async def listed_ids(read_model: SqlReadModel, **query: Any) -> list[str]:
    page = await read_model.page(ListJobs(project="demo", **query))
    return [row.record.id for row in page.rows]


async def run_sql(database: str, statement: str) -> list[Any]:
    """What somebody else sees there."""
    engine = create_async_engine(database)
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        rows = list(result.scalars()) if result.returns_rows else []
    await engine.dispose()
    return rows


# -- where it cannot be


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("hunter2", "is not a valid URL"),
        ("postgresql+asyncpg://me:hunter2@host:hunter2/db", "is not a valid URL"),
        ("postgresql://me:hunter2@host/db", r"has to be .* postgresql\+asyncpg://"),
        ("mysql+aiomysql://me:hunter2@host/db", r"has to be sqlite\+aiosqlite:///<file> or"),
        ("postgresql+asyncpg://me:hunter2@host/db?sslmode=require", "has to say `ssl=` instead"),
    ],
)
def test_an_address_that_will_not_do_is_named_by_its_setting(url: str, reason: str) -> None:
    with pytest.raises(UnsupportedDatabase, match=f"^HELIOGRAPH_DATABASE_URL {reason}") as error:
        SqlReadModel(url)

    assert "hunter2" not in str(error.value)


def test_a_driver_that_is_missing_is_named_with_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    with pytest.raises(UnsupportedDatabase, match=r"needs asyncpg, .* the extra `postgres`"):
        SqlReadModel("postgresql+asyncpg://me:hunter2@host/db")


def test_status_does_not_start_without_its_database(tmp_path: Path) -> None:
    settings = {
        "HELIOGRAPH_HOME": str(tmp_path),
        "HELIOGRAPH_DATABASE_URL": "postgresql://me:hunter2@host/db",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "services.status"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    [line] = map(json.loads, ended.stderr.splitlines())
    assert line["level"] == "critical"
    assert line["reason"].startswith("HELIOGRAPH_DATABASE_URL")
    assert "hunter2" not in ended.stdout + ended.stderr


def test_a_password_is_not_shown_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_DATABASE_URL", "postgresql+asyncpg://me:hunter2@host/db")

    assert "hunter2" not in repr(StatusSettings())
    with pytest.raises(ValidationError) as error:
        StatusSettings(host="192.0.2.1")
    assert "hunter2" not in str(error.value)


async def test_a_server_that_refuses_us_is_unavailable(postgres: Postgres) -> None:
    url = make_url(postgres.url).set(username="nobody", database="nowhere")
    read_model = SqlReadModel(url.render_as_string(hide_password=False))

    with pytest.raises(Unavailable, match=r"does not answer: Invalid\w+Error$"):
        await read_model.check()
    await read_model.aclose()


@only_postgres
async def test_a_connection_that_was_dropped_without_a_word_is_noticed_by_the_kernel(
    database: str,
) -> None:
    engine = Database(database).engine

    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver
        connected = driver._transport.get_extra_info("socket")
        is_watched = connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, between, questions = (
            connected.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        unreceived = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    await engine.dispose()

    assert is_watched
    assert idle + questions * between <= 30
    assert 0 < unreceived <= 30_000


# -- the tables


async def test_a_read_model_of_another_layout_is_made_anew(database: str) -> None:
    old = SqlReadModel(database)
    await old.prepare()
    await take_in(old, a_record(project="demo", prompt="a lighthouse"))
    await old.aclose()
    await run_sql(database, "UPDATE cursors SET name = 'of old'")

    new, job = SqlReadModel(database), a_record(project="demo", prompt="a lighthouse")
    await new.prepare()
    await take_in(new, job)

    assert await listed_ids(new) == [job.id]
    assert await listed_ids(new, q="house") == [job.id]
    await new.aclose()


@only_postgres
async def test_processes_that_start_together_prepare_one_read_model(database: str) -> None:
    ledgers = [SqlReadModel(database) for _ in range(4)]

    await asyncio.gather(*(read_model.prepare() for read_model in ledgers))
    opened = await asyncio.gather(*(read_model.open("one") for read_model in ledgers))

    assert opened == [0] * 4
    assert await run_sql(database, "SELECT epoch FROM cursors") == ["one"]
    for read_model in ledgers:
        await read_model.aclose()


# -- indices

DEFINITIONS = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'jobs_open'",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = 'jobs_open'",
}


@pytest.mark.usefixtures("read_model")
async def test_the_index_of_open_jobs_has_no_others(database: str) -> None:
    [index, *_] = await run_sql(database, DEFINITIONS[make_url(database).get_backend_name()])

    assert "finished_at IS NULL" in index


# -- the index of prompts

IS_INDEXED = "SELECT indexdef FROM pg_indexes WHERE indexname = 'jobs_by_prompt'"


@pytest.fixture
def of_ours(postgres: Postgres) -> Iterator[str]:
    with postgres.database(owned=True) as url:
        yield url


@pytest.fixture
def of_others(postgres: Postgres) -> Iterator[str]:
    with postgres.database(owned=False) as url:
        yield url


async def test_the_owner_of_a_database_gets_an_index_of_prompts(of_ours: str) -> None:
    read_model = SqlReadModel(of_ours)

    with capture_logs() as lines:
        await read_model.prepare()

    assert lines == []
    [index] = await run_sql(of_ours, IS_INDEXED)
    assert "gin (prompt" in index
    await read_model.aclose()


async def test_prompts_are_found_without_an_index_where_there_may_be_none(of_others: str) -> None:
    read_model = SqlReadModel(of_others)
    job = a_record(project="demo", prompt="A Lighthouse at dusk")

    with capture_logs() as lines:
        await read_model.prepare()
        await read_model.open("one")
    await take_in(read_model, job, a_record(project="demo", prompt="a boat"))

    assert [line["log_level"] for line in lines] == ["warning"]
    assert lines[0]["reason"] == "InsufficientPrivilegeError"
    assert await listed_ids(read_model, q="lightHOUSE") == [job.id]
    assert await run_sql(of_others, IS_INDEXED) == []
    await read_model.aclose()

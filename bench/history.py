"""
How long a page of a long history takes: 100,000 jobs of a project in the read model.

    python -m bench.history [jobs] [database]

The database is an address of an empty one, as status takes it; without it, a SQLite file.
Every kind of filter is asked for a hundred times, beginning at pages all over the list. What is
measured is the ledger: the statement, its rows, and the records made of them.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from heliograph.contracts.assets import Asset
from heliograph.contracts.id_generation import asset_id, new_job_id
from heliograph.contracts.job_steps import Step
from heliograph.contracts.queries.jobs import ListJobs
from heliograph.contracts.queries.slots import ListSlots
from heliograph.contracts.records import Record
from heliograph.runtime.server import freeze_imports
from services.status.live.snapshot_frames import PAGE as SHOWN
from services.status.live.snapshot_frames import PAGE_BYTES
from services.status.read_model.job_cursors import cursor_after
from services.status.read_model.rows import Row
from services.status.read_model.snapshot_pages import SnapshotQuery
from services.status.read_model.sql import SqlReadModel
from tests.support.records import a_record

PROJECT = "bench"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 100  #: of each question
BATCH = 500  #: events applied at once
PAGE = 50  #: jobs
SLOTS = 200  #: of a page

#: what says how large it is, and what is done before
_UPKEEP = {
    "sqlite": (
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        ("PRAGMA wal_checkpoint",),
    ),
    "postgresql": ("SELECT pg_database_size(current_database())", ("VACUUM ANALYZE",)),
}

_SYLLABLES = ("ka", "lo", "mi", "ren", "sta", "tu", "vor", "zel")
_WORDS = ["".join(each) for each in product(_SYLLABLES, repeat=3)]  #: 512 of them
_OUTCOMES = ("succeeded",) * 17 + ("failed", "canceled", "expired")

Ask = Callable[[random.Random, list[Record]], dict[str, Any]]

QUESTIONS: dict[str, Ask] = {
    "newest": lambda rng, _: {},
    "any page": lambda rng, jobs: {"cursor": cursor_after(rng.choice(jobs))},
    "status": lambda rng, jobs: {"status": "failed", "cursor": cursor_after(rng.choice(jobs))},
    "a common kind": lambda rng, _: {"kind": "portrait"},
    "a rare kind": lambda rng, _: {"kind": "trailer"},
    "slot": lambda rng, _: {"slot": f"shot/{rng.randrange(2_000)}"},
    "user": lambda rng, _: {"user": f"user{rng.randrange(200)}"},
    "a common tag": lambda rng, _: {"tags": {"show": "s0"}},
    "the first show's tag": lambda rng, _: {"tags": {"episode": "1"}},
    "a rare parameter": lambda rng, _: {"parameters": {"seed": str(rng.randrange(50_000))}},
    "two labels": lambda rng, _: {"tags": {"show": "s0", "episode": str(rng.randrange(1, 50))}},
    "a word of many": lambda rng, _: {"q": "lighthouse"},
    "a word of some": lambda rng, _: {"q": rng.choice(_WORDS)},
    "a word of one": lambda rng, _: {"q": f"number {rng.randrange(100_000)} "},
    "a word of none": lambda rng, _: {"q": "nobody wrote this"},
    "a word and a status": lambda rng, _: {"q": rng.choice(_WORDS), "status": "failed"},
    "nothing matches": lambda rng, _: {"status": "succeeded", "kind": "image", "user": "nobody"},
    "a user's failures": lambda rng, _: {"status": "failed", "user": f"user{rng.randrange(200)}"},
    "common status, rare kind": lambda rng, _: {"status": "succeeded", "kind": "trailer"},
    "all slots, rare kind": lambda rng, _: {"slot": "shot/", "kind": "trailer"},
    "common tag, no user": lambda rng, _: {"tags": {"show": "s0"}, "user": "nobody"},
    "common tag, rare kind": lambda rng, _: {"tags": {"show": "s0"}, "kind": "trailer"},
    "common tag, slot": lambda rng, _: {
        "tags": {"show": "s0"},
        "slot": f"shot/{rng.randrange(2_000)}",
    },
    "common tag, first day": lambda rng, _: {
        "tags": {"show": "s0"},
        "created_before": BEGAN + timedelta(days=1),
    },
    "common word, no user": lambda rng, _: {"q": "lighthouse", "user": "nobody"},
}

PAGES_OF_SLOTS: dict[str, Ask] = {
    "200 slots": lambda rng, _: {"cursor": f"shot/{rng.randrange(2_000)}"},
    "200 slots of a prefix": lambda rng, _: {"prefix": "shot/1"},
    "slots of a rare prefix": lambda rng, _: {"prefix": f"shot/{rng.randrange(100, 200)}"},
    "no slots": lambda rng, _: {"prefix": "cast/"},
}


def history(number: int, rng: random.Random) -> Iterator[Record]:
    """Jobs as a studio would make them: shows after each other, many takes of each shot."""
    template = a_record(project=PROJECT)
    for n in range(number):
        job, at = new_job_id(), BEGAN + timedelta(seconds=20 * n)
        outcome = rng.choice(_OUTCOMES)
        kind = "trailer" if n % 2_000 == 0 else rng.choice(("portrait", "shot", "cast_ref"))
        internal = template.internal.model_copy(update={"step": Step(outcome), "changed_at": at})
        words = " ".join(rng.choices(_WORDS, k=30))
        known = {
            "id": job,
            "kind": kind,
            "slot": f"shot/{rng.randrange(2_000)}",
            "user": f"user{rng.randrange(200)}",
            "prompt": f"number {n} : a lighthouse, {words}",
            "parameters": {"seed": rng.randrange(50_000), "aspect_ratio": "16:9"},
            "tags": {"show": f"s{rng.choice((0, 0, 0, 1))}", "episode": str(1 + n * 50 // number)},
            "status": outcome,
            "phase": "done",
            "assets": [_asset(job)] if outcome == "succeeded" else [],
            "created_at": at,
            "finished_at": at + timedelta(seconds=12),
            "internal": internal,
        }
        yield template.model_copy(update=known)


def _asset(job: str) -> Asset:
    return Asset(
        id=asset_id(job, 0),
        index=0,
        media_type="image/png",
        width=1024,
        height=1024,
        bytes=1_500_000,
        sha256="0" * 64,
    )


async def fill(ledger: SqlReadModel, jobs: Iterator[Record]) -> list[Record]:
    """Take in one event for each job. Returns some of them."""
    await ledger.prepare()
    cursor, some, seconds = await ledger.open("bench"), [], 0.0
    while batch := list(islice(jobs, BATCH)):
        some.append(batch[0])
        rows = [Row(cursor + n, job) for n, job in enumerate(batch, start=1)]
        began = time.perf_counter()
        await ledger.apply(rows, cursor, cursor + len(rows))
        seconds += time.perf_counter() - began
        cursor += len(rows)
    sys.stdout.write(f"{cursor} jobs taken in within {seconds:.1f} s, ")
    return some


async def measure(ask: Callable[[], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each round, in order of size."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask()
        times.append(1_000 * (time.perf_counter() - began))
    return sorted(times)


def row(name: str, times: list[float]) -> str:
    p95 = times[int(0.95 * len(times)) - 1]
    return f"{name:24}{statistics.median(times):9.1f}{p95:9.1f}{times[-1]:9.1f}\n"


async def settle_database(url: str) -> int:
    """Have it look at what is there, as it does by itself after a while. Returns its bytes."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    size, statements = _UPKEEP[engine.dialect.name]
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
        size_in_bytes: int = await connection.scalar(text(size)) or 0
    await engine.dispose()
    return size_in_bytes


async def ask_all(ledger: SqlReadModel, jobs: list[Record], rng: random.Random) -> None:
    for name, ask in QUESTIONS.items():

        async def page(ask: Ask = ask) -> None:
            await ledger.page(ListJobs(project=PROJECT, limit=PAGE, **ask(rng, jobs)))

        sys.stdout.write(row(name, await measure(page)))
    for name, ask in PAGES_OF_SLOTS.items():

        async def slots(ask: Ask = ask) -> None:
            await ledger.slots(ListSlots(project=PROJECT, limit=SLOTS, **ask(rng, jobs)))

        sys.stdout.write(row(name, await measure(slots)))

    async def lately() -> None:
        query = SnapshotQuery(project=PROJECT, jobs=None, final_since=jobs[-1].created_at)
        page = await ledger.snapshot(query, None, limit=SHOWN, room=PAGE_BYTES)
        while page.next:
            page = await ledger.snapshot(query, page.next, limit=SHOWN, room=PAGE_BYTES)

    sys.stdout.write(row("open, and ended lately", await measure(lately)))


async def main(number: int, url: str) -> None:
    rng = random.Random(0)  # noqa: S311 - the same history in every run
    freeze_imports()  # as services do
    ledger = SqlReadModel(url)
    jobs = await fill(ledger, history(number, rng))
    sys.stdout.write(f"{await settle_database(url) / 2**20:.0f} MiB\n\n")
    sys.stdout.write(f"{'milliseconds':24}{'median':>9}{'p95':>9}{'most':>9}\n")
    await ask_all(ledger, jobs, rng)
    await ledger.aclose()


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv))
    with tempfile.TemporaryDirectory() as folder:
        file = f"sqlite+aiosqlite:///{folder}/status.sqlite"
        asyncio.run(main(int(arguments.get(1, 100_000)), arguments.get(2, file)))

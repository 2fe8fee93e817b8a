"""What else can be asked after a storm: the store's own list, the provider's bill, SQL, the kernel."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from minio import Minio
from pydantic import SecretStr
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from heliograph.contracts.job_steps import Step
from heliograph.contracts.object_keys import objects_of
from heliograph.contracts.records import Record
from heliograph.contracts.sim import read_ledger
from heliograph.runtime.bus.log_entries import LogEntry
from heliograph.runtime.data_dir import DataDir
from services.status.settings import StatusSettings
from tests.chaos.inline_provider import PRICE, InlineRequest
from tests.support.stack import Stack

_EVERY = 1.0  #: seconds between looks at the processes
_MEMORY = 600 * 2**20  #: bytes that a process of ours may have needed at most
_HANDLES = 1024  #: files and sockets it may have had open


def misfiled(stack: Stack, last: dict[str, Record]) -> tuple[list[str], int]:
    """
    The store against the log: each object of each success is listed, with its size, and a success
    has no others. And how many objects are there of jobs that ended otherwise.
    """
    key, secret = DataDir(stack.home).s3_credentials()
    endpoint = f"127.0.0.1:{stack.ports['s3']}"
    client = Minio(endpoint, key, secret.get_secret_value(), secure=False, region="us-east-1")
    listed = {
        str(each.object_name): each.size
        for each in client.list_objects("heliograph", prefix="p/", recursive=True)
    }
    expected = _objects(last)
    wrong = [f"{name} is not listed" for name in expected if name not in listed]
    wrong += [
        f"{name} has {listed[name]} bytes, not {size}"
        for name, size in expected.items()
        if name in listed and listed[name] != size
    ]
    extra = [name for name in listed if name not in expected]
    kept = [name for name in extra if last[_job_of(name)].step is Step.SUCCEEDED]
    return wrong + [f"{name} was stored for nothing" for name in kept], len(extra) - len(kept)


def _job_of(key: str) -> str:
    """The job whose object it is: an asset or variant, or what came inside its response."""
    return next(part for part in key.split("/") if part.startswith("job_"))


def _objects(last: dict[str, Record]) -> dict[str, int]:
    """Key and size of every object that should be there."""
    sizes = {}
    for record in last.values():
        for asset in record.assets if record.step is Step.SUCCEEDED else []:
            for name, stored in objects_of(record, asset):
                sizes[stored.key] = asset.variants[name].bytes if name else asset.bytes
    return sizes


@dataclass(frozen=True)
class Payment:
    """A request that a provider accepted, as it wrote it down."""

    job: str
    run: int  #: 0: no attempt is known that could have sent it
    price: Decimal


def sim_payments(stack: Stack) -> list[Payment]:
    """Those to the sim."""
    return [Payment(each.job, each.run, Decimal(each.price)) for each in read_ledger(stack.home)]


def inline_payments(requests: Iterable[InlineRequest], log: list[LogEntry]) -> list[Payment]:
    """Those to a provider that knows prompts, of which no two jobs had the same, and no runs."""
    intents = defaultdict[str, list[LogEntry]](list)
    for each in log:
        if each.event.name == "submitting":
            intents[each.record.internal.attempts[-1].prompt].append(each)
    return [_payment(request, intents[request.prompt]) for request in requests]


def _payment(request: InlineRequest, intents: list[LogEntry]) -> Payment:
    """It was sent by whoever wrote the last intent before it came."""
    before = [e for e in intents if e.stored_at and e.stored_at.timestamp() <= request.at]
    price = PRICE * request.pictures
    if not before:
        return Payment(request.prompt, 0, price)
    return Payment(before[-1].record.id, before[-1].record.internal.run, price)


def wrong_bills(payments: Iterable[Payment], last: dict[str, Record]) -> list[str]:
    """What a job says it cost is what its provider wrote down."""
    bills: dict[str, Decimal] = defaultdict(Decimal)
    for payment in payments:
        bills[payment.job] += payment.price
    return [
        f"{job} says it cost {record.cost.actual}, its provider says {bills[job]}"
        for job, record in last.items()
        if record.charged != "unknown" and (record.cost.actual or 0) != bills[job]
    ]


async def read_to(stack: Stack) -> int:
    """Sequence of the last event that SQL knows."""
    [(sequence,)] = await _ask(stack, "SELECT max(sequence) FROM cursors")
    return int(sequence or 0)


async def read_model(stack: Stack) -> dict[str, tuple[int, str]]:
    """Sequence and step of every job, as SQL has it."""
    rows = await _ask(stack, "SELECT id, sequence, step FROM jobs")
    return {job: (sequence, step) for job, sequence, step in rows}


async def _ask(stack: Stack, question: str) -> list[tuple[Any, ...]]:
    """Rows of the database that the stack's read model is in; raises SQLAlchemyError or OSError."""
    url = stack.environment.get("HELIOGRAPH_DATABASE_URL")
    settings = StatusSettings(home=stack.home, database_url=SecretStr(url) if url else None)
    engine = create_async_engine(settings.database, poolclass=NullPool)
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(question))]


async def misread(stack: Stack, log: list[LogEntry]) -> list[str]:
    """The read model is where the log is."""
    expected = {e.record.id: (e.sequence, e.record.step) for e in log if isinstance(e.body, Record)}
    rows = await read_model(stack)
    return [
        f"{job} is {rows.get(job)} in SQL, {expected.get(job)} in the log"
        for job in expected.keys() | rows.keys()
        if rows.get(job) != expected.get(job)
    ]


class Gauge:
    """The most that each process of ours needed, over all its lives."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.memory: dict[str, int] = defaultdict(int)  #: bytes
        self.handles: dict[str, int] = defaultdict(int)

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            for name in self._stack.processes:
                pid = self._stack.pid(name)
                with suppress(FileNotFoundError, ProcessLookupError):
                    if pid:
                        self._look(name, Path(f"/proc/{pid}"))
            await asyncio.sleep(_EVERY)

    def _look(self, name: str, process: Path) -> None:
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        peak = int(status.get("VmHWM", "0 kB").split()[0]) * 1024
        self.memory[name] = max(self.memory[name], peak)
        self.handles[name] = max(self.handles[name], len(os.listdir(process / "fd")))

    def exceeded(self) -> list[str]:
        """Who needed too much."""
        wrong = [f"{n} needed {m >> 20} MiB" for n, m in self.memory.items() if m > _MEMORY]
        return wrong + [f"{n} had {h} handles" for n, h in self.handles.items() if h > _HANDLES]

"""The bus on one NATS connection: event log, work queue, buckets, permits and leases."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from nats.aio.subscription import Subscription
from nats.errors import Error
from pydantic import BaseModel

from heliograph.contracts.errors import Unavailable
from heliograph.contracts.queries import Query, Reply
from heliograph.runtime.background import stop
from heliograph.runtime.bus import REQUEST_TIMEOUT, Notify
from heliograph.runtime.bus.account_permits import KvAccountPermits
from heliograph.runtime.bus.connection import Connection
from heliograph.runtime.bus.event_log import STREAM as EVENTS
from heliograph.runtime.bus.event_log import JetStreamEventLog
from heliograph.runtime.bus.group_commit import GroupCommit
from heliograph.runtime.bus.jetstream import JetStream
from heliograph.runtime.bus.lanes import Lanes
from heliograph.runtime.bus.leases import Leases
from heliograph.runtime.bus.levels import Level
from heliograph.runtime.bus.provisioning import check_provisioned, provision
from heliograph.runtime.bus.queries import AnyQuery, send_query, serve_query
from heliograph.runtime.bus.server_check import UnsupportedServer
from heliograph.runtime.bus.slot_claims import KvSlotClaims
from heliograph.runtime.bus.unreadable_messages import dead_letters
from heliograph.runtime.bus.work_queue import STREAM as WORK
from heliograph.runtime.bus.work_queue import JetStreamWorkQueue
from heliograph.runtime.bus.write_check import WriteCheck
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.clock import clock
from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import UNFIT_SERVER

log = structlog.get_logger()

_CLOCK_INTERVAL = 5.0  #: seconds between two looks at the server's clock
_STEP = timedelta(seconds=5)  #: a change that operators want to know about


class NatsBus:
    """
    The bus of one process. Usable at once: until it is open, every call is `Unavailable`.
    """

    def __init__(self, settings: ServiceSettings, catalog: CurrentCatalog, name: str) -> None:
        self._settings = settings
        self._catalog = catalog
        self._connection = Connection(settings, name)
        self.client = self._connection.client
        self.opened = asyncio.Event()
        self.jetstream = JetStream(self.client, opened=self.opened, replicas=settings.nats_replicas)
        self.events = JetStreamEventLog(
            self.jetstream, f"heliograph/{name}", group=self._group(EVENTS)
        )
        self.work = JetStreamWorkQueue(self.jetstream, group=self._group(WORK))
        self.slots = KvSlotClaims(self.jetstream)
        self.accounts = KvAccountPermits(
            self.jetstream, catalog.section(lambda each: each.accounts)
        )
        self.lanes = Lanes(self.jetstream, catalog.section(lambda each: each.lanes))
        self.leases = Leases(self.jetstream)
        self.level = Level(self.jetstream)
        self.notify: Notify = self.jetstream.notify
        self._writes = WriteCheck(self.jetstream, name)
        self.epoch = ""  #: of the event log, once opened
        self._setting: asyncio.Task[None] | None = None  #: the clock

    def _group(self, stream: str) -> GroupCommit:
        return GroupCommit(self.jetstream, stream, least=self._settings.group_commit_from)

    async def open(self) -> None:
        """Connect, and provision if this process may; waits as long as it takes."""
        await self._connection.open()
        prepare = provision if self._settings.provision else check_provisioned
        while True:
            try:
                self.epoch = await prepare(self.client, self._settings, self._catalog.current)
                await set_clock(JetStream(self.client))
                break
            except Unavailable as error:
                log.warning("NATS is not ready", reason=str(error))
                await asyncio.sleep(0.2)
            except UnsupportedServer as error:
                log.critical("NATS server unsupported", reason=str(error))
                sys.exit(UNFIT_SERVER)
        if self._setting is None:
            self._setting = asyncio.create_task(self._set_clock_for_ever(), name="clock")
        self.opened.set()

    async def _set_clock_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_INTERVAL)
            with suppress(Unavailable):
                await set_clock(self.jetstream)

    async def close(self) -> None:
        if self._setting:
            await stop(self._setting)
        await self._connection.close()

    async def request(self, query: Query[Reply], *, timeout: float = REQUEST_TIMEOUT) -> Reply:
        """Ask another service, see `RequestReply`."""
        return await send_query(self.jetstream, query, timeout=timeout)

    async def serve(
        self,
        query: type[AnyQuery],
        handler: Callable[[AnyQuery], Awaitable[BaseModel]],
        *,
        group: str = "",
    ) -> Subscription:
        """Serve a query from now on, see `serve_query`."""
        return await serve_query(self.jetstream, query, handler, group=group)

    async def warnings(self) -> list[dict[str, Any]]:
        """Warnings for readiness: unreadable messages, which are skipped. Raises Unavailable."""
        return [letter.description() for letter in await dead_letters(self.jetstream)]

    async def check(self) -> None:
        """Readiness check: raises Unavailable unless the server responds and stores."""
        if not self.opened.is_set():
            raise Unavailable("not connected yet")
        try:
            await self.client.flush(timeout=1)
        except (Error, ConnectionError, TimeoutError) as error:
            raise Unavailable(f"NATS does not answer: {error}") from error
        self._writes.check()

    async def watch_writes(self) -> None:
        """A loop for readiness: whether the server stores what it is given."""
        await self.opened.wait()
        await self._writes.run()


async def set_clock(jetstream: JetStream) -> None:
    """Learn the time from the server. Raises Unavailable."""
    sent_at = time.monotonic()
    info = await jetstream.api("STREAM.INFO.EVENTS")
    step = clock.learn(datetime.fromisoformat(info["ts"]), sent_at, time.monotonic())
    if abs(step) >= _STEP:
        log.warning("NATS server clock changed", seconds=step.total_seconds())

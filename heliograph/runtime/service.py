"""
Service skeleton: what the processes of all four services have in common.

A service opens its bus, calls its hooks for opening, and pulls. When it ends, it stops pulling, lets
what is in hand end, and closes the bus and then what was built on it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from fastapi import APIRouter, FastAPI

from heliograph.contracts.catalog import Catalog
from heliograph.contracts.id_generation import job_of_asset
from heliograph.contracts.ids import ASSET_PATTERN, JOB_PATTERN
from heliograph.runtime.access.build import build_tokens
from heliograph.runtime.access.key_cache import KeyCache
from heliograph.runtime.access.keyed_access import KeyedAccess, ResourceOwner, Sessions
from heliograph.runtime.access.last_use import note_uses_forever
from heliograph.runtime.access.service_key import SERVICE_KEY, ensure_service_key
from heliograph.runtime.access.session_cache import SessionCache
from heliograph.runtime.access.session_cookies import SessionCookies
from heliograph.runtime.background import BackgroundTask, run_in_background
from heliograph.runtime.bus.certificate_expiry import watch_certificate
from heliograph.runtime.bus.nats_bus import NatsBus
from heliograph.runtime.catalog import CurrentCatalog
from heliograph.runtime.catalog.load import load_catalog
from heliograph.runtime.catalog.reload import watch_files
from heliograph.runtime.disk_metrics import export_disk_metrics
from heliograph.runtime.http.access import AccessCheck, OpenAccess
from heliograph.runtime.http.app import create_web
from heliograph.runtime.http.health import Check, add_health
from heliograph.runtime.settings import ServiceSettings

if TYPE_CHECKING:
    from heliograph.runtime.bus.continuous_pull import MessageHandler
    from heliograph.runtime.bus.pull_consumers import PullConsumers

Settings = TypeVar("Settings", bound=ServiceSettings)
#: seconds that connections wait for a starting process before it responds with 503; a load balancer waits longer
_START_TIMEOUT = 3.0
LifecycleHook = Callable[[], Awaitable[object]]


class Closable(Protocol):
    """Has connections of its own."""

    async def aclose(self) -> None: ...


class Service(Generic[Settings]):
    """
    One process of a service, before, while, and after it runs.

    Args:
        without: Providers whose models are unavailable here.
    """

    def __init__(self, name: str, settings: Settings, *, without: Container[str] = ()) -> None:
        self._name = name
        self.settings = settings
        self.catalog = CurrentCatalog(_load(settings, without))
        self.bus = NatsBus(settings, self.catalog, name)
        self.prepared = asyncio.Event()  #: every hook for opening was called
        self.keys = KeyCache(self.bus.jetstream)
        self.sessions = SessionCache(self.bus.jetstream, self.keys)
        self.owners = {
            "job": ResourceOwner(JOB_PATTERN, self.bus.events.project_of),
            "asset": ResourceOwner(ASSET_PATTERN, self._project_of_asset),
        }
        self.access: AccessCheck = OpenAccess()
        self._consumers: PullConsumers | None = None  #: none until something is consumed
        self._open_hooks: list[LifecycleHook] = []
        self._drain_hooks: list[LifecycleHook] = []
        self._close_hooks: list[LifecycleHook] = []
        self._resources: list[Closable] = []
        self._tasks: dict[str, BackgroundTask] = {
            "bus": self._open,
            "writes": self.bus.watch_writes,
            "catalog": partial(
                watch_files, settings, self.catalog, partial(_load, settings, without)
            ),
        }
        if settings.nats_tls:
            self._tasks["nats_certificate"] = partial(watch_certificate, settings)
        if settings.auth == "keys":
            self._check_keys()

    def _check_keys(self) -> None:
        tokens = build_tokens(self.settings)
        sessions = Sessions(self.sessions, SessionCookies(self.settings))
        verifier = tokens.verifier if tokens else None
        self.access = KeyedAccess(self.keys, sessions, self.owners, verifier)
        if tokens and tokens.watch:
            self._tasks["token_keys"] = tokens.watch
        self.on_open(partial(ensure_service_key, self.bus.jetstream))
        self.run(keys=self.keys.watch, sessions=self.sessions.watch)
        self.run(key_uses=partial(note_uses_forever, self.bus.jetstream, self.keys))

    def credentials(self) -> dict[str, str]:
        """Headers by which other services recognize this one. Raises Unavailable."""
        if self.settings.auth == "off":
            return {}
        text = self.keys.text_of(SERVICE_KEY)
        return {"Authorization": f"Bearer {text}"} if text else {}

    async def _project_of_asset(self, asset: str) -> str | None:
        return await self.bus.events.project_of(job_of_asset(asset)[0])

    def consume(
        self, subject: str, handle: "MessageHandler", *, stream: str, durable: str, workers: int
    ) -> None:
        """
        Handle what comes in on a subject of a stream, see `PullConsumers.add`. A service that consumes
        nothing does not load FastStream, 6 MiB.
        """
        from heliograph.runtime.bus.pull_consumers import PullConsumers

        self._consumers = self._consumers or PullConsumers(self.settings, self._name)
        self._consumers.add(subject, handle, stream=stream, durable=durable, workers=workers)

    async def notify_after_ack(self, subject: str, body: bytes = b"") -> None:
        """Publish a notification of what a consumer has done with, see `PullConsumers.notify`."""
        if self._consumers:
            await self._consumers.notify(subject, body)

    @property
    def connected_at(self) -> datetime | None:
        """Since when what is consumed comes on its connection, see `PullConsumers`."""
        return self._consumers.connected_at if self._consumers else None

    def run(self, **tasks: BackgroundTask) -> None:
        """Run tasks in the background once the bus is open."""
        self._tasks |= _after(self.bus.opened, tasks)

    def run_when_prepared(self, **tasks: BackgroundTask) -> None:
        """Run tasks in the background once every hook for opening was called."""
        self._tasks |= _after(self.prepared, tasks)

    def on_open(self, *hooks: LifecycleHook) -> None:
        """Call hooks, in order, when the bus is open and before anything is pulled."""
        self._open_hooks += hooks

    def on_drain(self, *hooks: LifecycleHook) -> None:
        """Call hooks after pulling has stopped, while work in progress goes on."""
        self._drain_hooks += hooks

    def before_close(self, *hooks: LifecycleHook) -> None:
        """Call hooks after all work has ended, while the bus is still open."""
        self._close_hooks += hooks

    def close_last(self, *resources: Closable) -> None:
        """Close what the service was built on, in order, after the bus."""
        self._resources += resources

    def web(
        self,
        title: str,
        routers: Iterable[APIRouter],
        *,
        checks: Mapping[str, Check] | None = None,
        unusable: Mapping[str, str] | None = None,
        ends_within: Callable[[], float] | None = None,
    ) -> FastAPI:
        """The application: routers, and health as `add_health` has it, of the bus and `checks`."""
        export_disk_metrics(self.settings.folder.path)
        path = self.settings.path_of(self._name)
        app = create_web(
            self.settings,
            title,
            access=self.access,
            lifespan=self._lifespan,
            servers=[{"url": path}] if path else None,
        )
        for router in routers:
            app.include_router(router)
        add_health(
            app,
            {"nats": self.bus.check, **(checks or {})},
            unusable=unusable,
            warnings=self.bus.warnings,
            ends_within=ends_within,
            open_metrics=self.settings.metrics_access == "open",
        )
        return app

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with run_in_background(**self._tasks):
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_TIMEOUT):
                    await self._wait_until_ready()
            yield
        if self._consumers:
            await self._consumers.stop_pulling()
        for hook in self._drain_hooks:
            await hook()
        if self._consumers:
            await self._consumers.stop()
        for hook in self._close_hooks:
            await hook()
        await self.bus.close()
        for resource in self._resources:
            await resource.aclose()

    async def _wait_until_ready(self) -> None:
        """Wait until requests can be answered: earlier connections wait in the backlog."""
        await self.prepared.wait()
        if self.settings.auth == "keys":
            await self.keys.first_read.wait()

    async def _open(self) -> None:
        """Raises Unavailable: begin again. A hook that was called is not called again."""
        await self.bus.open()
        while self._open_hooks:
            await self._open_hooks[0]()
            del self._open_hooks[0]
        if self._consumers:
            await self._consumers.start()
        self.prepared.set()


def _load(settings: ServiceSettings, without: Container[str]) -> Catalog:
    return load_catalog(settings).without(without)


def _after(event: asyncio.Event, tasks: Mapping[str, BackgroundTask]) -> dict[str, BackgroundTask]:
    async def run(task: BackgroundTask) -> None:
        await event.wait()
        await task()

    return {name: partial(run, task) for name, task in tasks.items()}

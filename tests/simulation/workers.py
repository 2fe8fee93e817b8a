"""What services do by themselves, wired to the world. Each coroutine is one process."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from heliograph.contracts.assets import Asset
from heliograph.contracts.errors import JobError, OutputExpired, QueueFull, Unavailable
from heliograph.contracts.id_generation import asset_id
from heliograph.contracts.limits import LaneLimit
from heliograph.contracts.records import Record
from heliograph.contracts.subjects import run as run_subject
from heliograph.contracts.subjects import store as store_subject
from heliograph.runtime.bus.delivery import Delivery, FailureCounter, ShuttingDown, deliver
from heliograph.testing.work_queue import Message
from services.render.dependency_failures import fail_if_dependency_failed
from services.render.references.resolver import ReferenceResolver
from services.render.worker.context import Worker
from services.render.worker.inline_outputs import recover
from services.render.worker.lost_requests import find_lost_request
from services.render.worker.poison import fail_poison_job
from services.render.worker.progress import ProgressPublisher
from services.render.worker.run import run_job
from services.status.maintenance import compaction
from services.status.maintenance.sweeper import Sweeper
from services.storage.outputs.job_ingest import JobIngest
from services.storage.stores import IsSole
from tests.simulation.processes import ask, current, gate
from tests.simulation.simulated_bus import ACCOUNT
from tests.simulation.state import PROJECT, State, settings
from tests.support.records import CATALOG, CURRENT_CATALOG

_NONE = cast(Any, None)  #: a part that no handler in the world needs
_PASSING = (Unavailable, QueueFull)


class Injected(Exception):
    """A bug in a handler."""


async def _everything(_: int) -> bool:
    return True


class Keeper(JobIngest):
    """Storage, without the way of the bytes."""

    def __init__(self, state: State) -> None:
        sources: Any = SimpleNamespace(inline_results=state.output_uploader)
        storage = settings().storage
        super().__init__(
            events=state.events,
            work=state.work,
            notify=state.hint,
            sources=sources,
            output_ingest=_NONE,
            renew=_NONE,
            settings=storage,
            allows=_everything,
        )
        self._state = state

    async def _keep_all(
        self, record: Record, lasting: tuple[type[JobError], ...], is_sole: IsSole
    ) -> tuple[list[Asset], dict[int, JobError]]:
        fetched = await ask("fetch", record.id)
        if fetched == "gone":
            raise OutputExpired
        named = [each.inline for each in record.internal.outputs if each.inline]
        if not self._state.output_uploader.brought.issuperset(named):
            raise Unavailable("render did not bring it yet")
        await gate("keep", record.id)
        self._state.stored.add(record.id)
        name = asset_id(record.id, 0)
        media_type = "text/plain" if fetched == "unread" else "image/png"
        asset = Asset(id=name, index=0, media_type=media_type, bytes=1, sha256="0" * 64)
        return [asset], {}


class OpenLanes:
    """Lanes that nobody pauses."""

    async def limit(self, lane: str) -> LaneLimit:
        return LaneLimit(cap=CATALOG.lanes[lane].cap)


class Workers:
    """Render, storage, and the status service's reaper."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._references = ReferenceResolver(
            events=state.events, request=_NONE, urls=_NONE, upload_cache=_NONE
        )
        self._reporter = ProgressPublisher(state.hint, every=settings().render.progress_interval)
        self._storer = Keeper(state)
        self._bugs = FailureCounter()
        self._sweeper = Sweeper(
            events=state.events,
            work=state.work,
            accounts=state.accounts,
            notify=state.hint,
            read_model=_NONE,
            catalog=CURRENT_CATALOG,
            settings=settings().status,
        )
        state.patience = self._sweeper._expiring._first
        state.running_on = self._sweeper._permits._running_on._first

    async def work_on(self, message: Message, number: int) -> None:
        """Delivery `number` of a message."""
        if message.kind == "store":
            await self._deliver(message, number, self._store, self._give_up_storing)
        else:
            await self._deliver(message, number, self._render, self._give_up_rendering)

    async def dispatch(self, job: str) -> None:
        sequence, ticket = self._state.work.queue[job]
        with suppress(*_PASSING):  # another round follows
            await self._state.work.move(ticket, sequence)

    async def give_up(self, job: str) -> None:
        with suppress(*_PASSING):  # another look follows
            await fail_if_dependency_failed(self._state.events, self._state.work, job)

    async def put_back(self, job: str) -> None:
        with suppress(*_PASSING):  # another round follows
            await self._sweeper._requeue(job)

    async def complete(self, job: str) -> None:
        with suppress(*_PASSING):  # another look follows
            await self._state.events.complete(PROJECT, [job])

    async def search(self, job: str) -> None:
        with suppress(*_PASSING, Injected):  # another hint follows
            await find_lost_request(self._worker(), job)

    async def recover(self) -> None:
        await recover(self._worker())  # another round follows

    async def expire(self, job: str) -> None:
        with suppress(*_PASSING):  # another round follows
            await self._sweeper._expire(job)

    async def compact(self, job: str) -> None:
        with suppress(*_PASSING):  # another round follows
            await compaction.compact(self._state.events, job, timedelta(0))

    async def free(self) -> None:
        with suppress(*_PASSING):  # another round follows
            await self._sweeper._permits._free(ACCOUNT)

    async def _deliver(self, message: Message, number: int, handle: Any, give_up: Any) -> None:
        async def handled(delivery: Delivery) -> Record | None:
            with self._expecting(*_PASSING, ShuttingDown, Injected):
                return cast(Record | None, await handle(delivery))

        async def given_up(delivery: Delivery, error: Exception) -> None:
            with self._expecting(*_PASSING, Injected):
                await give_up(delivery, error)

        await deliver(
            cast(Any, Incoming(self._state, message, number)), handled, given_up, self._bugs
        )

    async def _render(self, delivery: Delivery) -> Record | None:
        return await run_job(self._worker(), PROJECT, delivery.about.job, delivery.sequence)

    async def _give_up_rendering(self, delivery: Delivery, error: Exception) -> None:
        await fail_poison_job(self._worker(), delivery.about.job, error)

    async def _store(self, delivery: Delivery) -> Record | None:
        return await self._storer.handle(delivery.about.job)

    async def _give_up_storing(self, delivery: Delivery, error: Exception) -> None:
        await self._storer.fail_poison_job(delivery.about.job, error)

    def _worker(self) -> Worker:
        return Worker(
            events=self._state.events,
            work=self._state.work,
            accounts=self._state.accounts,
            lanes=OpenLanes(),
            providers={"sim": self._state.provider},
            requests=self._state.requests,
            spool=self._state.spool,
            output_uploader=self._state.output_uploader,
            references=self._references,
            catalog=CURRENT_CATALOG,
            reporter=self._reporter,
            wakeups=current().wakeups,
            settings=settings().render,
            complete=self._state.events.complete,
        )

    @contextmanager
    def _expecting(self, *errors: type[Exception]) -> Iterator[None]:
        try:
            yield
        except errors:
            raise
        except Exception as error:
            self._state.news.surprises.append(f"{current().name}: {error!r}")
            raise


class Incoming:
    """A message as a handler gets it; settling it is an act."""

    def __init__(self, state: State, message: Message, number: int) -> None:
        self.subject = store_subject(PROJECT, message.job)
        if message.kind == "run":
            self.subject = run_subject("lane", PROJECT, message.job)
        sequence = SimpleNamespace(stream=message.sequence)
        self.metadata = SimpleNamespace(
            sequence=sequence, num_delivered=number, consumer="simulation"
        )
        self._work = state.work
        self._message = message

    async def ack(self) -> None:
        await gate("ack", self._message.job)
        self._work.ack(self._message)

    async def nak(self, delay: float = 0) -> None:
        await gate("nak", self._message.job)
        self._work.nak(self._message)

"""Consumer of store messages: each is a job whose outputs wait at the provider."""

from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.records import Record
from heliograph.runtime.bus import Notify
from heliograph.runtime.bus.delivery import Delivery, FailureCounter, deliver
from heliograph.runtime.bus.provisioning import STORAGE
from heliograph.runtime.bus.work_queue import STREAM, WAITED
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.service import Service
from services.storage.outputs.job_ingest import JobIngest
from services.storage.settings import StorageSettings


def consume_stores(service: Service[StorageSettings], ingest: JobIngest) -> None:
    """Take what comes in on `store.>`."""
    consumer = StoreConsumer(ingest, service.bus.notify)
    service.consume(
        subjects.STORE,
        consumer.handle,
        stream=STREAM,
        durable=STORAGE,
        workers=service.settings.storage_concurrency,
    )


class StoreConsumer:
    """Stores a job for each message, and tells the dispatcher of the free place afterwards."""

    def __init__(self, ingest: JobIngest, notify: Notify) -> None:
        self._ingest = ingest
        self._notify = notify
        self._failures = FailureCounter()

    async def handle(self, message: Msg) -> None:
        """Settles the message by how its job is left."""
        await deliver(message, self._store, self._dead_letter, self._failures)
        project = subjects.parse(message.subject).project
        await self._notify(subjects.lane_capacity(subjects.STORE_LANE), project.encode())

    async def _store(self, delivery: Delivery) -> Record | None:
        waited = float(delivery.headers.get(WAITED, 0))
        record = await self._ingest.handle(delivery.about.job, waited)
        crash_point("store.handled")
        return record

    async def _dead_letter(self, delivery: Delivery, error: Exception) -> None:
        await self._ingest.dead_letter(delivery.about.job, error)

"""Consumer of store messages: each is a job whose outputs wait at the provider."""

from collections.abc import Callable
from functools import partial

from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.records import Record
from heliograph.runtime.bus import Notify
from heliograph.runtime.bus.delivery import Delivery, FailureCounter, deliver
from heliograph.runtime.bus.stream_configs import STORAGE
from heliograph.runtime.bus.work_queue import STREAM, WAITED
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.service import Service
from services.storage.outputs.job_ingest import JobIngest
from services.storage.settings import StorageSettings


def consume_stores(service: Service[StorageSettings], ingest: JobIngest) -> None:
    """Consume `store.>`."""
    ack_wait = service.settings.ack_wait

    def is_sole(delivery: Delivery) -> bool:
        return delivery.is_sole(service.connected_at, ack_wait)

    consumer = StoreConsumer(ingest, service.notify_after_ack, is_sole)
    service.consume(
        subjects.STORE,
        consumer.handle,
        stream=STREAM,
        durable=STORAGE,
        workers=service.settings.storage_concurrency,
    )


class StoreConsumer:
    """
    Stores a job for each message, and tells the dispatcher of the free permit afterwards.

    Args:
        is_sole: Whether no other process can have had a message so far.
    """

    def __init__(
        self, ingest: JobIngest, notify: Notify, is_sole: Callable[[Delivery], bool]
    ) -> None:
        self._ingest = ingest
        self._notify = notify
        self._is_sole = is_sole
        self._failures = FailureCounter()

    async def handle(self, message: Msg) -> None:
        """Acknowledge the message, or leave it to redelivery, by how its job is left."""
        await deliver(message, self._store, self._dead_letter, self._failures)
        project = subjects.parse(message.subject).project
        await self._notify(subjects.lane_capacity(subjects.STORE_LANE), project.encode())

    async def _store(self, delivery: Delivery) -> Record | None:
        waited = float(delivery.headers.get(WAITED, 0))
        is_sole = partial(self._is_sole, delivery)
        record = await self._ingest.handle(delivery.about.job, waited, is_sole)
        crash_point("store.handled")
        return record

    async def _dead_letter(self, delivery: Delivery, error: Exception) -> None:
        await self._ingest.fail_poison_job(delivery.about.job, error)

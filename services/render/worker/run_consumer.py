"""Consumer of run messages: each is a job whose turn it is on its lane."""

import time

from nats.aio.msg import Msg

from heliograph.contracts import subjects
from heliograph.contracts.records import Record
from heliograph.runtime.bus import Notify
from heliograph.runtime.bus.delivery import Delivery, FailureCounter, deliver
from heliograph.runtime.bus.lanes import lane_consumer
from heliograph.runtime.bus.work_queue import STREAM
from heliograph.runtime.crash_points import crash_point
from heliograph.runtime.service import Service
from services.render.settings import RenderSettings
from services.render.worker.capacity_hint import capacity_after
from services.render.worker.context import Worker
from services.render.worker.poison import fail_poison_job
from services.render.worker.run import run_job

#: Workers of a lane in one process. The lane's cap on the server bounds them; with fewer workers than
#: messages, some messages would wait for redelivery to another process.
_WORKERS = 10_000


def consume_runs(service: Service[RenderSettings], worker: Worker) -> None:
    """Take what comes in on `run.<lane>.>`, with a consumer for each lane."""
    consumer = RunConsumer(worker, service.notify_after_ack)
    for lane in service.catalog.current.lanes:
        service.consume(
            subjects.runs(lane),
            consumer.handle,
            stream=STREAM,
            durable=lane_consumer(lane),
            workers=_WORKERS,
        )


class RunConsumer:
    """Runs a job for each message, and then notifies the dispatcher of the free lane capacity."""

    def __init__(self, worker: Worker, notify: Notify) -> None:
        self._worker = worker
        self._notify = notify
        self._failures = FailureCounter()

    async def handle(self, message: Msg) -> None:
        """Acknowledge the message, or leave it to redelivery, by how its job is left."""
        began = time.monotonic()
        record = await deliver(message, self._run, self._dead_letter, self._failures)
        capacity = capacity_after(record, time.monotonic() - began)
        lane = subjects.lane_of_run(message.subject)
        await self._notify(subjects.lane_capacity(lane), capacity.model_dump_json().encode())

    async def _run(self, delivery: Delivery) -> Record | None:
        about = delivery.about
        record = await run_job(self._worker, about.project, about.job, delivery.sequence)
        crash_point("render.handled")
        return record

    async def _dead_letter(self, delivery: Delivery, error: Exception) -> None:
        await fail_poison_job(self._worker, delivery.about.job, error)
